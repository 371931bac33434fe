/* What the sections of an audit's text share. */
#ifndef BAL_AUDIT_TEXT_H
#define BAL_AUDIT_TEXT_H

#include "ballast/report.h"
#include "report/text.h"

#define BAL_TEXT_WIDTH 80

typedef struct bal_audit_page {
    const bal_audit *audit;
    const bal_dataset *data;
    bal_ctx *ctx;
    FILE *out;
    bool unicode;
} bal_audit_page;

/* Words from column `from` on, broken before BAL_TEXT_WIDTH; the cursor stands in column `at`. Ends
 * with a newline. */
void bal_page_words(const bal_audit_page *p, int at, int from, const char *words);
/* The name of a class or of an item without control characters, in at most `most` columns. */
typedef struct bal_page_name {
    char text[256];
} bal_page_name;
bal_page_name bal_page_class(const bal_audit_page *p, int c, int most);
bal_page_name bal_page_item(const bal_audit_page *p, int64_t item);
/* Control characters of a text become '?'. Returns new (bal_free) or NULL. */
char *bal_page_plain(const bal_audit_page *p, const char *text);
/* "1,234" */
typedef struct bal_page_number {
    char text[32];
} bal_page_number;
bal_page_number bal_page_count(int64_t value);
bal_page_number bal_page_share(double share, int decimals); /* "51.8 %", "n/a" */
/* A header row and a rule below it. */
void bal_page_header(bal_table *t, const char *const *names, int count);
BAL_MUST_CHECK bal_status bal_page_table(const bal_audit_page *p, bal_table **table);
/* The findings of a section, with what to do. */
void bal_page_findings(const bal_audit_page *p, bal_audit_section section);

/* The sections. */
BAL_MUST_CHECK bal_status bal_page_extent(const bal_audit_page *p);
BAL_MUST_CHECK bal_status bal_page_cleanliness(const bal_audit_page *p);
BAL_MUST_CHECK bal_status bal_page_difficulty(const bal_audit_page *p);

#endif

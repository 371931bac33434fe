/* The keys of a recipe as rows: the parser, overrides, the writer, `ballast methods` and the manual
 * all walk these. */
#ifndef BAL_RECIPE_KEYS_H
#define BAL_RECIPE_KEYS_H

#include "train/recipe/recipe.h"

/* A mapping of the file: which struct its keys fill. */
typedef struct bal_recipe_section {
    const char *name; /* as in bal_recipe_key */
    const char *key;  /* how the file calls it, inside its parent */
    size_t offset;    /* of its struct, in bal_recipe or (in_stage) in bal_recipe_stage */
    bool in_stage;
    size_t line_offset; /* of the int that keeps its line, in the same struct; 0: none */
} bal_recipe_section;

/* Rows and sections together: what the parser keeps a flag for. */
#define BAL_RECIPE_KEYS_MOST 256

enum { BAL_SECTION_GENERAL, BAL_SECTION_STAGE = 3, BAL_RECIPE_SECTIONS = 7 };
extern const bal_recipe_section bal_recipe_sections[BAL_RECIPE_SECTIONS];

/* What a text of a row must be, known by the row's value name. */
typedef enum bal_recipe_form {
    BAL_FORM_PLAIN,    /* what bal_option_set takes */
    BAL_FORM_IMAGES,   /* "50000", "80%" or "natural" */
    BAL_FORM_AMOUNT,   /* "160" or "80%" */
    BAL_FORM_AMOUNTS,  /* a list of them */
    BAL_FORM_PATTERNS, /* a list of shell patterns for parameter names */
    BAL_FORM_WORDS     /* a list of names */
} bal_recipe_form;
bal_recipe_form bal_recipe_form_of(const bal_option *row);
static inline bool bal_recipe_is_list(const bal_option *row)
{
    return bal_recipe_form_of(row) >= BAL_FORM_AMOUNTS;
}

/* The number of the row (for bal_recipe_key_at), or -1. */
int bal_recipe_find_key(const bal_recipe_section *section, const char *name);
/* Whether row i of bal_recipe_key_at stands in the section. */
bool bal_recipe_in_section(const bal_recipe_section *section, int i);
/* The section under a key of parent, NULL: none. */
const bal_recipe_section *bal_recipe_subsection(const bal_recipe_section *parent, const char *key);

/* One item of a list such as "80%, 90%". at moves on; false at the end. Items are trimmed. */
bool bal_recipe_next_item(const char **at, const char **item, size_t *length);

/* Copies a text that lives as long as the recipe; NULL: no memory. */
char *bal_recipe_keep(bal_recipe *recipe, const char *text, size_t length);
/* Checks text and stores it in the row's field of settings (the section's struct). text must live
 * as long as the recipe. In a list, an item for each comma; "[]" is the empty list (NULL). Fails
 * with BAL_BAD_ARG. */
BAL_MUST_CHECK bal_status bal_recipe_store(bal_recipe *recipe, const bal_option *row,
                                           void *settings, const char *prefix, const char *text);
/* A recipe with every default and no stage. */
BAL_MUST_CHECK bal_status bal_recipe_new(bal_recipe **out, bal_ctx *ctx, const char *where);
/* Adds a stage with every default; NULL: no memory. The caller keeps within BAL_RECIPE_STAGES. */
bal_recipe_stage *bal_recipe_add_stage(bal_recipe *recipe);

/* ---- parts of bal_recipe_check ---- */
/* Names and settings of what a stage does when it begins. */
BAL_MUST_CHECK bal_status bal_recipe_check_actions(const bal_recipe *recipe, int stage);
/* Whole epochs: where each stage begins and how long it is. */
BAL_MUST_CHECK bal_status bal_recipe_resolve_stages(bal_recipe *recipe);

/* `unknown loss "ldm"; did you mean "ldam"?`, or all the names where none is near. what is the kind
 * of thing, prefix stands before it. */
typedef struct bal_name_list {
    const char *what;
    const char *(*name_at)(const void *user, int i);
    const void *user;
} bal_name_list;
bal_status bal_recipe_unknown(bal_ctx *ctx, bal_status status, const char *prefix,
                              const bal_name_list *list, const char *word);

#endif

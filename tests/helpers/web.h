/* A web server on this machine alone, for tests of downloading: one thread, a connection at a time,
 * answers from memory, and the misbehaviour that is asked for. */
#ifndef BAL_TEST_WEB_H
#define BAL_TEST_WEB_H

#include <stdbool.h>
#include <stddef.h>

typedef struct test_route {
    const char *path; /* "/file"; what follows a "?" is passed over */
    const void *body;
    size_t size;
    bool no_ranges;       /* always sends all of it, with status 200 */
    bool no_length;       /* does not say how much there is */
    size_t cut_after;     /* 0: never; closes after so many bytes of a body ... */
    int cuts;             /* ... so many times */
    int failures;         /* so many times status 503 first */
    int status;           /* 0: 200 or 206; else with an empty body */
    const char *location; /* of a redirection */
    bool stalls;          /* sends half of the body once, and then nothing */
} test_route;

typedef struct test_web test_web;

/* Serves a copy of the routes (ended by a NULL path); their texts and bodies are borrowed. */
test_web *test_web_open(const test_route *routes);
void test_web_close(test_web *web);
/* "http://127.0.0.1:PORT" and the path, in a static ring of buffers. */
const char *test_web_url(const test_web *web, const char *path);
/* How many requests came, and where in the file the last one wanted to begin. */
int test_web_requests(test_web *web);
long test_web_last_begin(test_web *web);

#endif

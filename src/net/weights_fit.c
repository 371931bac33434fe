/* Fitting somebody's weights to a graph by name: what training scripts add is stripped, the usual
 * names of the head are one name, and a misfit is told with the names. */
#include "net/graph.h"
#include "net/weights.h"

#include <stdio.h>
#include <string.h>

static const char *const head_names[] = {"fc", "linear", "classifier", "head"};

#define NAMES_TOLD 4

/* A list of names that tells the first few and how many there are. */
typedef struct telling {
    char text[300];
    int count;
} telling;

static void tell(telling *t, const char *name)
{
    const size_t used = strlen(t->text);
    if (t->count++ < NAMES_TOLD)
        snprintf(t->text + used, sizeof t->text - used, "%s%.60s", used > 0 ? ", " : "", name);
    else if (t->count == NAMES_TOLD + 1)
        snprintf(t->text + used, sizeof t->text - used, ", ...");
}

static const char *stripped(const char *name)
{
    return strncmp(name, "module.", 7) == 0 ? name + 7 : name;
}

static bool is_counter(const char *name)
{
    const char *dot = strrchr(name, '.');
    return strcmp(dot ? dot + 1 : name, "num_batches_tracked") == 0;
}

/* The graph's parameter for a head's tensor under another of the usual names, -1: none. */
static int find_head(const bal_graph *g, const char *name)
{
    const char *dot = strchr(name, '.');
    for (size_t i = 0; dot && i < BAL_COUNT_OF(head_names); i++) {
        const size_t length = strlen(head_names[i]);
        if (length != (size_t)(dot - name) || strncmp(name, head_names[i], length) != 0)
            continue;
        for (size_t k = 0; k < BAL_COUNT_OF(head_names); k++) {
            char other[64];
            if (snprintf(other, sizeof other, "%s%s", head_names[k], dot) >= (int)sizeof other)
                continue;
            const int param = bal_graph_find_param(g, other);
            if (param >= 0)
                return param;
        }
    }
    return -1;
}

/* Which tensor belongs to which parameter: first by the same name, then by the head's names. */
static void match(const bal_weights *from, const bal_graph *g, const bal_tensor **source,
                  telling *unexpected)
{
    for (int i = 0; i < from->count; i++) {
        const int param = bal_graph_find_param(g, stripped(from->tensors[i]->name));
        if (param >= 0 && !source[param])
            source[param] = from->tensors[i];
    }
    for (int i = 0; i < from->count; i++) {
        const bal_tensor *t = from->tensors[i];
        const char *name = stripped(t->name);
        const int same = bal_graph_find_param(g, name);
        if (is_counter(name) || (same >= 0 && source[same] == t))
            continue;
        const int head = same < 0 ? find_head(g, name) : -1;
        if (head >= 0 && !source[head])
            source[head] = t;
        else
            tell(unexpected, t->name);
    }
}

static bool same_shape(const bal_param_info *p, const bal_tensor *t)
{
    bool same = p->dims == t->dims;
    for (int i = 0; same && i < p->dims; i++)
        same = p->shape[i] == t->shape[i];
    return same;
}

static void tell_shape(telling *t, const bal_param_info *p, const bal_tensor *source)
{
    char has[64], wants[64], line[256];
    snprintf(line, sizeof line, "%.40s is %.40s but should be %.40s", source->name,
             bal_shape_text(source->dims, source->shape, has, sizeof has),
             bal_shape_text(p->dims, p->shape, wants, sizeof wants));
    const size_t used = strlen(t->text);
    if (t->count++ < 2)
        snprintf(t->text + used, sizeof t->text - used, "%s%s", used > 0 ? "; " : "", line);
    else if (t->count == 3)
        snprintf(t->text + used, sizeof t->text - used, "; ...");
}

static bal_status check(bal_ctx *ctx, const bal_weights *from, const bal_graph *g,
                        const bal_tensor **source)
{
    telling missing = {"", 0}, unexpected = {"", 0}, shapes = {"", 0};
    match(from, g, source, &unexpected);
    for (int i = 0; i < g->param_count; i++)
        if (!source[i])
            tell(&missing, g->params[i].name);
        else if (!same_shape(&g->params[i], source[i]))
            tell_shape(&shapes, &g->params[i], source[i]);
    if (missing.count + unexpected.count + shapes.count == 0)
        return BAL_OK;
    char text[BAL_ERROR_LENGTH] = "";
    const telling *const all[] = {&missing, &unexpected, &shapes};
    const char *const words[] = {"missing", "unexpected", "of another shape"};
    for (int i = 0; i < 3; i++) {
        const size_t used = strlen(text);
        if (all[i]->count > 0)
            snprintf(text + used, sizeof text - used, "%s%d %s (%s)", used > 0 ? ", " : "",
                     all[i]->count, words[i], all[i]->text);
    }
    return bal_fail(ctx, BAL_MISMATCH, "the weights do not fit the model: %s", text);
}

bal_status bal_weights_fit(bal_weights **out, bal_ctx *ctx, const bal_weights *from,
                           const bal_graph *g)
{
    *out = NULL;
    const bal_tensor **source = bal_calloc(ctx, (size_t)g->param_count, sizeof(const bal_tensor *));
    bal_weights *w = NULL;
    bal_status status = source ? bal_weights_open(&w, ctx) : BAL_NO_MEMORY;
    if (status != BAL_OK)
        goto fail;
    BAL_GOTO(check(ctx, from, g, source));
    for (int i = 0; i < g->param_count; i++) {
        const bal_param_info *p = &g->params[i];
        bal_tensor *t;
        BAL_GOTO(bal_weights_append(w, p->name, p->dims, p->shape, &t));
        memcpy(t->data, source[i]->data, (size_t)t->count * sizeof *t->data);
    }
    *out = w;
    w = NULL;
fail:
    bal_weights_close(&w);
    bal_free(ctx, source);
    return status;
}

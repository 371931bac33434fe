/* He initialisation (He et al. 2015) as a function of the seed and the parameter's name: adding or
 * removing a layer elsewhere changes nothing here. */
#include "base/random.h"
#include "net/graph.h"
#include "net/weights.h"

#include <math.h>
#include <string.h>

/* FNV-1a, 64 bits. */
static uint64_t hash_name(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return hash;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

/* Of a parameter with one dimension. */
static float start_of(const char *name)
{
    static const struct {
        const char *end;
        float value;
    } starts[] = {
        {".weight", 1.0f}, {".running_var", 1.0f}, {".scale", 1.0f},
        {".omega", 1.0f},  {".confidence", 0.1f},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(starts); i++)
        if (ends_with(name, starts[i].end))
            return starts[i].value;
    return 0.0f;
}

void bal_weights_init_param(const bal_param_info *p, uint64_t seed, uint64_t round, float *out)
{
    if (p->dims >= 2) { /* out, in, ...: fan_in is what one output reads */
        const double deviation = sqrt(2.0 * (double)p->shape[0] / (double)p->count);
        bal_random r = bal_random_at(seed, BAL_STREAM_INIT, round, hash_name(p->name));
        for (int64_t i = 0; i < p->count; i++)
            out[i] = (float)(deviation * bal_random_normal(&r));
        return;
    }
    for (int64_t i = 0; i < p->count; i++)
        out[i] = start_of(p->name);
}

bal_status bal_weights_init(bal_weights **out, bal_ctx *ctx, const bal_graph *g, uint64_t seed)
{
    *out = NULL;
    bal_weights *w;
    BAL_TRY(bal_weights_open(&w, ctx));
    for (int i = 0; i < g->param_count; i++) {
        const bal_param_info *p = &g->params[i];
        bal_tensor *t;
        const bal_status status = bal_weights_append(w, p->name, p->dims, p->shape, &t);
        if (status != BAL_OK) {
            bal_weights_close(&w);
            return status;
        }
        bal_weights_init_param(p, seed, 0, t->data);
    }
    *out = w;
    return BAL_OK;
}

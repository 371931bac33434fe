/* The table of ops, derived from BAL_OP_LIST. */
#include "net/op.h"

#include "base/random.h"
#include "net/ops/op_rows.h"

static const bal_op *const rows[BAL_OP_COUNT] = {
#define OP_ROW(kind, name, inputs, fwd, bwd, about) [BAL_OP_##kind] = &bal_op_row_##kind,
    BAL_OP_LIST(OP_ROW)
#undef OP_ROW
};

static const bal_op_info infos[BAL_OP_COUNT] = {
#define OP_INFO(kind, name, inputs, fwd, bwd, about) [BAL_OP_##kind] = {name, about, inputs},
    BAL_OP_LIST(OP_INFO)
#undef OP_INFO
};

static const struct {
    double forward, backward;
} tolerances[BAL_OP_COUNT] = {
#define OP_TOLERANCE(kind, name, inputs, fwd, bwd, about) [BAL_OP_##kind] = {fwd, bwd},
    BAL_OP_LIST(OP_TOLERANCE)
#undef OP_TOLERANCE
};

const bal_op_info *bal_op_at(int i)
{
    return i >= 0 && i < BAL_OP_COUNT ? &infos[i] : NULL;
}

const bal_op *bal_op_of(bal_op_kind kind)
{
    return rows[kind];
}

const char *bal_op_name(bal_op_kind kind)
{
    return infos[kind].name;
}

double bal_op_forward_tolerance(bal_op_kind kind)
{
    return tolerances[kind].forward;
}

double bal_op_backward_tolerance(bal_op_kind kind)
{
    return tolerances[kind].backward;
}

void bal_dropout_mask(uint64_t seed, uint64_t step, int node, double probability, int64_t count,
                      uint8_t *keep)
{
    bal_random r = bal_random_at(seed, BAL_STREAM_DROPOUT, step, (uint64_t)node);
    for (int64_t i = 0; i < count; i++)
        keep[i] = bal_random_unit(&r) >= probability;
}

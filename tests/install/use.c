/* A stranger's program: opens a context, asks the lists, evaluates four scores. C99 and C++. */
#include <ballast/ballast.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    const float scores[] = {2, 1, 0, 3, 1, 0, 0, 5};
    const int32_t labels[] = {0, 1, 1, 1};
    bal_ctx *ctx;
    bal_evaluation *e;
    bal_evaluation_settings s = bal_evaluation_defaults();
    if (strcmp(bal_version(), BAL_VERSION) != 0 || bal_ctx_open(&ctx, NULL) != BAL_OK)
        return 1;
    s.classes = 2;
    s.items = 4;
    s.scores = scores;
    s.labels = labels;
    s.bootstrap = 0;
    if (bal_evaluate(&e, ctx, &s) != BAL_OK) {
        fprintf(stderr, "%s\n", bal_error(ctx));
        return 1;
    }
    if (bal_evaluation_metric(e, BAL_METRIC_accuracy) != 0.75)
        return 1;
    bal_evaluation_close(&e);
    bal_ctx_close(&ctx);
    return bal_model_at(0) && bal_loss_at(0) && bal_engine_at(0) ? 0 : 1;
}

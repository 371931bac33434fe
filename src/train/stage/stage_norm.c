/* Running statistics of batch norm, estimated anew over an epoch of the stage's draws. */
#include "train/stage/norm_statistics.h"
#include "train/stage/stage_actions.h"

bal_status bal_stage_reestimate_norm(bal_training *g, int stage)
{
    (void)stage;
    BAL_TRY(bal_training_draw(g));
    const bal_loader_pass pass = bal_training_loader_pass(g, 0);
    const bool frozen = g->plan->settings.frozen_norm;
    g->plan->settings.frozen_norm = false; /* they have to move here */
    const bal_status status = bal_plan_measure_norms(g->plan, g->loader, &pass);
    g->plan->settings.frozen_norm = frozen;
    return status;
}

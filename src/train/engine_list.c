/* The engines of this build as users see them. */
#include "engine/engine.h"

#include "ballast/train.h"

#define ENGINES_MAX 8

const bal_engine_info *bal_engine_at(int i)
{
    static _Thread_local bal_engine_info infos[ENGINES_MAX];
    const bal_engine *engine = i < ENGINES_MAX ? bal_engine_row(i) : NULL;
    if (!engine)
        return NULL;
    infos[i] =
        (bal_engine_info){engine->name, engine->about, engine->version ? engine->version() : ""};
    return &infos[i];
}

/* The built-in recipes as the build embeds them (cmake/embed_recipes.cmake). */
#ifndef BAL_RECIPE_EMBEDDED_H
#define BAL_RECIPE_EMBEDDED_H

#include "ballast/train.h"

/* One row a file of recipes/, ended by a row of NULLs. about and source are cut from the text, so a
 * built-in recipe has them as plain scalars of one line. */
extern const bal_recipe_info bal_embedded_recipes[];

#endif

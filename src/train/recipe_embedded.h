/* The built-in recipes as the build embeds them (cmake/embed_recipes.cmake). */
#ifndef BAL_RECIPE_EMBEDDED_H
#define BAL_RECIPE_EMBEDDED_H

typedef struct bal_embedded_recipe {
    const char *name, *text;
} bal_embedded_recipe;

/* Ended by a row of NULLs. */
extern const bal_embedded_recipe bal_embedded_recipes[];

#endif

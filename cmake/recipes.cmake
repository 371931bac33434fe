# Built-in recipes: recipes/*.yaml become one C file with a table of texts.
file(GLOB recipe_files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/recipes/*.yaml)
set(BALLAST_RECIPES_C ${CMAKE_CURRENT_BINARY_DIR}/builtin_recipes.c)
add_custom_command(
    OUTPUT ${BALLAST_RECIPES_C}
    COMMAND ${CMAKE_COMMAND} -DOUT=${BALLAST_RECIPES_C} "-DFILES=${recipe_files}"
            -P ${CMAKE_CURRENT_SOURCE_DIR}/cmake/embed_recipes.cmake
    DEPENDS ${recipe_files} ${CMAKE_CURRENT_SOURCE_DIR}/cmake/embed_recipes.cmake
    VERBATIM)

/* Training runs in tests; see runs.h. */
#include "helpers/runs.h"

#include "helpers/helpers.h"

#include "base/cursor.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bal_status test_train(bal_ctx *ctx, const test_training *how)
{
    bal_recipe *recipe = NULL;
    bal_trainer *trainer = NULL;
    bal_status status;
    if (how->recipe)
        BAL_GOTO(bal_recipe_parse(&recipe, ctx, "test.yaml", how->recipe, strlen(how->recipe)));
    BAL_GOTO(bal_trainer_open(&trainer, ctx, how->data, recipe, how->settings));
    status = bal_trainer_run(trainer, "ballast train", how->callbacks, how->result);
fail:
    bal_trainer_close(&trainer);
    bal_recipe_close(&recipe);
    return status;
}

json_t *test_json_file(const char *path)
{
    json_error_t error;
    json_t *value = json_load_file(path, 0, &error);
    if (!value)
        fail_msg("%s: line %d: %s", path, error.line, error.text);
    return value;
}

json_t *test_json_lines(const char *path)
{
    json_t *lines = json_array();
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    if (!f)
        fail_msg("%s cannot be opened", path);
    while (getline(&line, &room, f) > 0) {
        json_t *value = json_loads(line, 0, NULL);
        if (!value)
            fail_msg("%s: no JSON: %s", path, line);
        json_array_append_new(lines, value);
    }
    free(line);
    fclose(f);
    return lines;
}

static double number(const json_t *value, const char *key)
{
    if (!json_is_number(value) && !json_is_null(value))
        fail_msg("%s is no number", key);
    return json_is_null(value) ? NAN : json_number_value(value);
}

double test_json_number(const json_t *object, const char *key)
{
    return number(json_object_get(object, key), key);
}

double test_json_item(const json_t *object, const char *key, int i)
{
    return number(json_array_get(json_object_get(object, key), (size_t)i), key);
}

static json_t *hexadecimal(const char *path)
{
    bal_ctx *ctx = test_ctx();
    bal_bytes bytes;
    test_ok(ctx, bal_file_read(ctx, path, SIZE_MAX / 4, &bytes));
    char *text = calloc(bytes.count + 1, 2);
    assert_non_null(text);
    for (size_t i = 0; i < bytes.count; i++)
        snprintf(text + 2 * i, 3, "%02x", ((const unsigned char *)bytes.data)[i]);
    json_t *value = json_string(text);
    free(text);
    bal_bytes_free(ctx, &bytes);
    bal_ctx_close(&ctx);
    return value;
}

json_t *test_folder_contents(const char *folder)
{
    json_t *contents = json_object();
    DIR *open_folder = opendir(folder);
    assert_non_null(open_folder);
    for (const struct dirent *entry; (entry = readdir(open_folder));)
        if (entry->d_name[0] != '.')
            json_object_set_new(contents, entry->d_name,
                                hexadecimal(test_path(folder, entry->d_name)));
    closedir(open_folder);
    return contents;
}

bool test_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* json_has FILE KEY...: is the file (- for stdin) valid JSON with these keys? A key is a path:
 * "per_class.0.recall"; "per_class.*.recall" asks it of every element. KEY=VALUE also compares. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int has(const json_t *value, const char *path, const char *want)
{
    const size_t length = strcspn(path, ".");
    char part[128];
    if (!*path) {
        char *text = want ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
        const int same = !want || (text && strcmp(text, want) == 0);
        if (!same)
            fprintf(stderr, "json_has: found %s\n", text ? text : "nothing");
        free(text);
        return value && same;
    }
    snprintf(part, sizeof part, "%.*s", (int)length, path);
    const char *rest = path + length + (path[length] == '.');
    if (strcmp(part, "*") != 0)
        return json_is_array(value) ? has(json_array_get(value, (size_t)atoi(part)), rest, want)
                                    : json_object_get(value, part) != NULL &&
                                          has(json_object_get(value, part), rest, want);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!has(json_array_get(value, i), rest, want))
            return 0;
    return json_array_size(value) > 0;
}

int main(int argc, char **argv)
{
    json_error_t error;
    if (argc < 2)
        return 2;
    json_t *root = strcmp(argv[1], "-") == 0 ? json_loadf(stdin, 0, &error)
                                             : json_load_file(argv[1], 0, &error);
    int bad = !root;
    if (!root)
        fprintf(stderr, "json_has: %s:%d: %s\n", argv[1], error.line, error.text);
    for (int i = 2; i < argc && root; i++) {
        char *want = strchr(argv[i], '=');
        if (want)
            *want++ = '\0';
        if (!has(root, argv[i], want)) {
            fprintf(stderr, "json_has: %s: no %s%s%s\n", argv[1], argv[i], want ? " = " : "",
                    want ? want : "");
            bad = 1;
        }
    }
    json_decref(root);
    return bad;
}

/* Getting a known data set: loading, unpacking, and the name at the end. All of it happens in a
 * folder NAME.part, which a later call goes on with. */
#include "data/known/download.h"
#include "data/known/free_space.h"
#include "data/known/known.h"
#include "data/known/places.h"
#include "data/known/unpack_folder.h"

#include "base/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_UNPACKED ((uint64_t)16 << 30)
#define MOST_MEMBERS 1000000
#define UNPACKED "unpacked" /* the folder in NAME.part that an archive is unpacked in */

bal_get_settings bal_get_defaults(void)
{
    return (bal_get_settings){.timeout = 60, .attempts = 4, .wait = 1.0};
}

#define FIELD(f) offsetof(bal_get_settings, f)
static const bal_option options[] = {
    {"out", BAL_OPTION_TEXT, FIELD(out), 0, 0, "FOLDER", NULL,
     "folder that receives the data set's own (default: $BALLAST_DATA, else the user's cache)"},
    {"mirror", BAL_OPTION_TEXT, FIELD(mirror), 0, 0, "URL", NULL,
     "https, http or file address of a folder with the same files (default: the publisher's)"},
    {"timeout", BAL_OPTION_INT, FIELD(timeout), 1, 3600, "SECONDS", NULL,
     "without a byte until an attempt is given up (default 60)"},
    {"attempts", BAL_OPTION_INT, FIELD(attempts), 1, 100, "N", NULL,
     "that bring nothing new until the transfer is given up (default 4)"},
    {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
};

const bal_option *bal_get_options(void)
{
    return options;
}

static bal_status check_settings(bal_ctx *ctx, const bal_get_settings *s)
{
    if (s->timeout < 1 || s->timeout > 3600)
        return bal_fail(ctx, BAL_BAD_ARG, "timeout is %d, 1 to 3600 expected", s->timeout);
    if (s->attempts < 1 || s->attempts > 100)
        return bal_fail(ctx, BAL_BAD_ARG, "attempts is %d, 1 to 100 expected", s->attempts);
    if (!(s->wait >= 0.0 && s->wait <= 60.0))
        return bal_fail(ctx, BAL_BAD_ARG, "wait is %g, 0 to 60 expected", s->wait);
    if (s->mirror && !bal_download_can(s->mirror))
        return bal_fail(ctx, BAL_BAD_ARG,
                        "mirror is \"%s\", an address that begins with https://, http:// or "
                        "file:// expected",
                        s->mirror);
    return BAL_OK;
}

typedef struct getting {
    bal_ctx *ctx;
    const bal_known_row *row;
    const bal_get_settings *s;
    char place[BAL_PATH_LENGTH];  /* the folder that receives the set's own */
    char target[BAL_PATH_LENGTH]; /* the set's own */
    char work[BAL_PATH_LENGTH];   /* NAME.part */
    int lock;
    bal_get_progress progress;
} getting;

/* ---- places ---- */

static bal_status choose_place(getting *g)
{
    const char *name = g->row->folders[0];
    bool fits;
    if (g->s->out)
        fits = snprintf(g->place, sizeof g->place, "%s", g->s->out) < (int)sizeof g->place;
    else if (!bal_place_data(g->place, sizeof g->place) &&
             !bal_place_cache(g->place, sizeof g->place))
        return bal_fail(g->ctx, BAL_IO,
                        "%s: there is no folder to put it in: set BALLAST_DATA or say --out FOLDER",
                        g->row->about.name);
    else
        fits = true;
    fits = fits && bal_path_join(g->target, sizeof g->target, g->place, name) &&
           snprintf(g->work, sizeof g->work, "%s.part", g->target) < (int)sizeof g->work;
    return fits ? BAL_OK : bal_fail(g->ctx, BAL_IO, "%s: the path is too long", g->place);
}

/* Only one process at a time may work in NAME.part. */
static bal_status take_work_folder(getting *g)
{
    struct stat info;
    if (lstat(g->target, &info) == 0 && !(S_ISDIR(info.st_mode) && rmdir(g->target) == 0))
        return bal_fail(g->ctx, BAL_IO,
                        "%s: is there already, and is not %s (%s): move it away first", g->target,
                        g->row->about.name, g->row->format);
    BAL_TRY(bal_make_folders(g->ctx, g->work));
    g->lock = open(g->work, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (g->lock < 0)
        return bal_fail(g->ctx, BAL_IO, "%s: cannot open the folder: %s", g->work, strerror(errno));
    if (flock(g->lock, LOCK_EX | LOCK_NB) != 0)
        return bal_fail(g->ctx, BAL_IO, "%s: another process is getting this data set", g->work);
    return BAL_OK;
}

/* ---- files ---- */

static int file_count(const bal_known_row *row)
{
    int files = 0;
    while (files < BAL_KNOWN_FILES && row->files[files].name)
        files++;
    return files;
}

static void on_bytes(void *user, int64_t now, int64_t total)
{
    getting *g = user;
    if (!g->s->progress)
        return;
    g->progress.now = now;
    g->progress.total = total;
    g->s->progress(g->s->progress_user, &g->progress);
}

static char *address(const getting *g, const bal_known_file *file)
{
    if (!g->s->mirror)
        return bal_format(g->ctx, "%s%s%s%s", file->folder, file->name, file->query ? "?" : "",
                          file->query ? file->query : "");
    const size_t length = strlen(g->s->mirror);
    return bal_format(g->ctx, "%s%s%s", g->s->mirror,
                      length && g->s->mirror[length - 1] == '/' ? "" : "/", file->name);
}

static bal_status load_file(getting *g, const bal_known_file *file)
{
    char path[BAL_PATH_LENGTH];
    if (!bal_path_join(path, sizeof path, g->work, file->name))
        return bal_fail(g->ctx, BAL_IO, "%s: the path is too long", g->work);
    char *url = address(g, file);
    if (!url)
        return BAL_NO_MEMORY;
    const bal_download d = {.url = url,
                            .path = path,
                            .bytes = file->bytes,
                            .kind = file->kind,
                            .sum = file->sum,
                            .timeout = g->s->timeout,
                            .attempts = g->s->attempts,
                            .wait = g->s->wait,
                            .progress = on_bytes,
                            .user = g};
    g->progress.file = file->name;
    bal_log(g->ctx, BAL_LOG_INFO, "loading %s", url);
    const bal_status status = bal_download_file(g->ctx, &d);
    bal_free(g->ctx, url);
    return status;
}

static bal_status load_files(getting *g)
{
    g->progress.files = file_count(g->row);
    for (int i = 0; i < g->progress.files; i++) {
        g->progress.number = i + 1;
        BAL_TRY(load_file(g, &g->row->files[i]));
    }
    return BAL_OK;
}

/* ---- the end ---- */

static bal_status name_folder(getting *g, const char *from)
{
    if (rename(from, g->target) != 0)
        return bal_fail(g->ctx, BAL_IO, "%s: cannot be renamed to %s: %s", from, g->target,
                        strerror(errno));
    return BAL_OK;
}

static bal_status unpack(getting *g)
{
    char archive[BAL_PATH_LENGTH], folder[BAL_PATH_LENGTH], inside[BAL_PATH_LENGTH];
    if (!bal_path_join(archive, sizeof archive, g->work, g->row->files[0].name) ||
        !bal_path_join(folder, sizeof folder, g->work, UNPACKED) ||
        !bal_path_join(inside, sizeof inside, folder, g->row->inside))
        return bal_fail(g->ctx, BAL_IO, "%s: the path is too long", g->work);
    g->progress.unpacking = true;
    BAL_TRY(bal_remove_folder(g->ctx, folder)); /* of a process that was killed */
    const bal_unpack u = {.archive = archive,
                          .folder = folder,
                          .most_bytes = MOST_UNPACKED,
                          .most_files = MOST_MEMBERS,
                          .progress = on_bytes,
                          .user = g};
    BAL_TRY(bal_unpack_folder(g->ctx, &u));
    if (!bal_is_folder(inside))
        return bal_fail(g->ctx, BAL_BAD_FILE, "%s: has no folder %s in it", archive,
                        g->row->inside);
    BAL_TRY(name_folder(g, inside));
    return bal_remove_folder(g->ctx, g->work);
}

static bal_status finish(getting *g, char **path)
{
    char found[BAL_PATH_LENGTH];
    BAL_TRY(g->row->inside ? unpack(g) : name_folder(g, g->work));
    if (!bal_known_in_place(g->place, g->row, found, sizeof found))
        return bal_fail(g->ctx, BAL_BAD_DATA, "%s: what was loaded is not %s (%s)", g->target,
                        g->row->about.name, g->row->format);
    *path = bal_strdup(g->ctx, found);
    return *path ? BAL_OK : BAL_NO_MEMORY;
}

/* *path stays NULL where it is nowhere. */
static bal_status find(getting *g, char **path)
{
    char found[BAL_PATH_LENGTH];
    if (!g->s->out)
        return bal_known_dataset_find(g->ctx, g->row->about.name, path);
    if (!bal_known_in_place(g->place, g->row, found, sizeof found))
        return BAL_OK;
    *path = bal_strdup(g->ctx, found);
    return *path ? BAL_OK : BAL_NO_MEMORY;
}

bal_status bal_known_row_get(bal_ctx *ctx, const bal_known_row *row,
                             const bal_get_settings *settings, char **path)
{
    getting g = {.ctx = ctx, .row = row, .s = settings, .lock = -1};
    *path = NULL;
    BAL_TRY(check_settings(ctx, settings));
    BAL_TRY(choose_place(&g));
    BAL_TRY(find(&g, path));
    if (*path)
        return BAL_OK;
    bal_status status = take_work_folder(&g);
    if (status == BAL_OK)
        status = load_files(&g);
    if (status == BAL_OK)
        status = finish(&g, path);
    if (g.lock >= 0)
        close(g.lock);
    return status;
}

bal_status bal_known_dataset_get(bal_ctx *ctx, const char *name, const bal_get_settings *settings,
                                 char **path)
{
    const bal_get_settings s = settings ? *settings : bal_get_defaults();
    const bal_known_row *row = bal_known_row_named(name);
    *path = NULL;
    return row ? bal_known_row_get(ctx, row, &s, path) : bal_known_fail_unknown(ctx, name);
}

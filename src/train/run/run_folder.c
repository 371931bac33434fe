/* The folder of a run itself: making, recognising, locking and emptying it. What is written into
 * it: run_start.c and run_metrics.c. */
#include "train/run/run_folder_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a run folder is recognised by. */
static const char *const markers[] = {BAL_RUN_RECIPE, BAL_RUN_COMMAND};

/* All names that a run leaves behind, as shell patterns. */
static const char *const run_files[] = {
    BAL_RUN_RECIPE, BAL_RUN_COMMAND,         BAL_RUN_ENVIRONMENT, BAL_RUN_DATA,
    BAL_RUN_SPLIT,  BAL_RUN_SKIPPED,         BAL_RUN_METRICS,     BAL_RUN_SUMMARY,
    BAL_RUN_LOG,    "events.out.tfevents.*", "best.safetensors",  "last.safetensors",
    "state.*",      "report.html",           BAL_RUN_CALIBRATION, "*.tmp-*",
};

char *bal_run_folder_file(const bal_run_folder *folder, const char *name)
{
    return bal_format(folder->ctx, "%s/%s", folder->path, name);
}

const char *bal_run_folder_path(const bal_run_folder *folder)
{
    return folder->path;
}

bool bal_run_folder_has(const bal_run_folder *folder, const char *name)
{
    return faccessat(folder->fd, name, F_OK, 0) == 0;
}

void bal_run_folder_close(bal_run_folder **folder)
{
    if (!folder || !*folder)
        return;
    if ((*folder)->fd >= 0)
        close((*folder)->fd); /* which also gives the lock back */
    bal_run_data_close(&(*folder)->data);
    bal_free((*folder)->ctx, (*folder)->path);
    bal_free((*folder)->ctx, *folder);
    *folder = NULL;
}

/* ---- what is in it ---- */

typedef struct contents {
    int entries;
    bool only_run_files;
    bool is_run; /* has the markers */
} contents;

static bool is_run_file(const char *name)
{
    for (size_t i = 0; i < BAL_COUNT_OF(run_files); i++)
        if (fnmatch(run_files[i], name, 0) == 0)
            return true;
    return false;
}

static bal_status look_inside(const bal_run_folder *folder, contents *found)
{
    *found = (contents){.only_run_files = true, .is_run = true};
    DIR *open_folder = opendir(folder->path);
    if (!open_folder)
        return bal_fail(folder->ctx, BAL_IO, "%s: cannot read this folder: %s", folder->path,
                        strerror(errno));
    for (const struct dirent *entry; (entry = readdir(open_folder));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        found->entries++;
        found->only_run_files = found->only_run_files && is_run_file(entry->d_name);
    }
    closedir(open_folder);
    for (size_t i = 0; i < BAL_COUNT_OF(markers); i++)
        found->is_run = found->is_run && bal_run_folder_has(folder, markers[i]);
    return BAL_OK;
}

static bool is_marker(const char *name)
{
    for (size_t i = 0; i < BAL_COUNT_OF(markers); i++)
        if (strcmp(markers[i], name) == 0)
            return true;
    return false;
}

/* Removes the run's own files; what else lies there is the user's. The markers go last, so that an
 * interrupted removal can be begun again. */
static bal_status remove_run(const bal_run_folder *folder)
{
    DIR *open_folder = opendir(folder->path);
    bool ok = open_folder != NULL;
    for (const struct dirent *entry; ok && (entry = readdir(open_folder));)
        if (is_run_file(entry->d_name) && !is_marker(entry->d_name))
            ok = unlinkat(folder->fd, entry->d_name, 0) == 0;
    if (open_folder)
        closedir(open_folder);
    for (size_t i = 0; ok && i < BAL_COUNT_OF(markers); i++)
        ok = unlinkat(folder->fd, markers[i], 0) == 0 || errno == ENOENT;
    if (!ok)
        return bal_fail(folder->ctx, BAL_IO, "%s: cannot remove the old run: %s", folder->path,
                        strerror(errno));
    return BAL_OK;
}

/* ---- opening ---- */

static bal_status lock_folder(bal_run_folder *folder)
{
    folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->fd < 0) {
        const bal_status why = errno == ENOTDIR ? BAL_BAD_ARG : BAL_IO;
        return bal_fail(folder->ctx, why, "%s: cannot open this run folder: %s", folder->path,
                        strerror(errno));
    }
    /* file systems without locks say something other than EWOULDBLOCK: go on without */
    if (flock(folder->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return bal_fail(folder->ctx, BAL_IO, "%s: another process works in this run folder",
                        folder->path);
    return BAL_OK;
}

static bal_status check_contents(const bal_run_folder *folder, bal_run_mode mode, bool existed)
{
    contents found;
    BAL_TRY(look_inside(folder, &found));
    const bool is_run = found.is_run || found.only_run_files; /* or empty */
    if (found.entries == 0 && (existed || mode != BAL_RUN_RESUME))
        return BAL_OK;
    if (mode != BAL_RUN_NEW && !is_run)
        return bal_fail(folder->ctx, BAL_BAD_ARG,
                        "%s: not a run folder (no %s and %s); it is left as it is", folder->path,
                        markers[0], markers[1]);
    if (mode == BAL_RUN_OVERWRITE)
        return remove_run(folder);
    if (mode == BAL_RUN_RESUME)
        return BAL_OK;
    return bal_fail(folder->ctx, BAL_BAD_ARG, "%s: %s; %schoose another folder", folder->path,
                    is_run ? "there is a run already" : "this folder is not empty and not a run",
                    is_run ? "resume it, overwrite it, or " : "");
}

bal_status bal_run_folder_open(bal_run_folder **out, bal_ctx *ctx, const char *path,
                               bal_run_mode mode)
{
    *out = NULL;
    bal_status status;
    struct stat info;
    bal_run_folder *folder = bal_calloc(ctx, 1, sizeof *folder);
    if (!folder)
        return BAL_NO_MEMORY;
    folder->ctx = ctx;
    folder->fd = -1;
    folder->path = bal_strdup(ctx, path);
    if (!folder->path) {
        status = BAL_NO_MEMORY;
        goto fail;
    }
    const bool existed = stat(path, &info) == 0;
    if (!existed && mode == BAL_RUN_RESUME) {
        status = bal_fail(ctx, BAL_BAD_ARG, "%s: there is no run to resume", path);
        goto fail;
    }
    if (!existed)
        BAL_GOTO(bal_make_folders(ctx, path));
    BAL_GOTO(lock_folder(folder));
    BAL_GOTO(check_contents(folder, mode, existed));
    *out = folder;
    return BAL_OK;
fail:
    bal_run_folder_close(&folder);
    return status;
}

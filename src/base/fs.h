/* SPDX-License-Identifier: MIT */
#ifndef PISTE_BASE_FS_H
#define PISTE_BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * fs - files and directories. All return 0 or negative errno.
 */
struct span { /* borrowed bytes */
	const uint8_t *data;
	size_t len;
};

/* Reads a whole file (also of /proc, whose size is unknown); at most `max` bytes,
 * else -EFBIG. *data is malloc'ed, NUL-terminated, the caller's. */
int fs_read_file(int dirfd, const char *path, size_t max, char **data, size_t *len);
/* Replaces a file atomically: written beside it, then renamed. */
int fs_write_file(int dirfd, const char *path, const void *data, size_t len);
/* Writes all of it, through EINTR and short writes. */
int fs_write_all(int fd, const void *data, size_t len);
/* Maps a file read-only; an empty file gives {NULL, 0}. */
int fs_map(int dirfd, const char *path, struct span *out);
void fs_unmap(struct span *s);
/* mkdir -p */
int fs_make_dirs(const char *path);
bool fs_dir_is_empty(const char *path); /* false when it cannot be read */
/* Removes a directory tree; does not follow links, stays on its file system. */
int fs_remove_tree(const char *path);

#define _cleanup_(fn) __attribute__((cleanup(fn)))
void close_fdp(int *fd); /* for _cleanup_: closes when >= 0 */
void freep(void *p); /* for _cleanup_: frees *(void **)p */

#endif

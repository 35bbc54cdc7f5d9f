/*
 * file:// - a folder of this machine, or one that is mounted. libcurl would neither say why it fails, nor wait for the disk, nor look
 * what it opens: others may put pipes and links there. What fails leaves its reason in errno.
 */
#ifndef FILES_HERE_H
#define FILES_HERE_H

#include "carrier.h"

enum carried here_upload(const char *folder, const char *temporary, const char *name, const struct cargo *cargo);
enum carried here_fetch(const char *folder, const char *name, unsigned char *data, size_t size, size_t *length);
enum carried here_remove(const char *folder, const char *name);

#endif

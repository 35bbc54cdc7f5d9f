/* What a service remembers of names, so that it neither says the same at each look nor does the same again. It forgets when it ends. */
#ifndef FILES_MEMORY_H
#define FILES_MEMORY_H

#include <sys/stat.h>

struct memory;

struct memory *memory_new(void);
void memory_free(struct memory *memory);
/* Whether that is to be said of this name: it was not in the last hour, nor anything else in the last minute. */
int memory_is_news(struct memory *memory, const char *name, const char *why);
/* The file with this name is dealt with, but stays. */
void memory_keep(struct memory *memory, const char *name, const struct stat *file);
/* Whether it is that file still. After an hour it is worth another try. */
int memory_has(struct memory *memory, const char *name, const struct stat *file);

#endif

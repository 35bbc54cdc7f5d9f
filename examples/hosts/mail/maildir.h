/* A Maildir: tmp, new and cur. */
#ifndef BULLA_MAIL_MAILDIR_H
#define BULLA_MAIL_MAILDIR_H

#include "text.h"

/* Makes it, if it is not there. 0, or -1 after it has said so on the log. */
int maildir_make(const char *path);
/* Stores a mail under a name of this message, so that what was cut off is done again without a second mail: written to tmp, synced,
 * read again and compared, and only then in new. Nothing is done if it was there before, wherever its reader has put it since: a mark in
 * tmp says so until maildir_placed(). 0, or -1 after it has said so on the log. */
int maildir_place(const char *path, const char *name, const struct text *mail);
/* The message is committed: it does not come again, and the mark goes. Who is killed just before leaves it to maildir_sweep(). */
void maildir_placed(const char *path, const char *name);
/* Removes from tmp what was left there a month ago: a mail in two minds that never came again, old marks, and what was cut off while it
 * was written. */
void maildir_sweep(const char *path);
/* Stores a mail as it is, made durable, under a name of its own. 0, or -1 after it has said so on the log. */
int maildir_store(const char *path, const struct text *mail);

#endif

/* A Maildir: tmp, new and cur. */
#ifndef BULLA_MAIL_MAILDIR_H
#define BULLA_MAIL_MAILDIR_H

#include "text.h"

/* Makes it, if it is not there. 0, or -1 after it has said so on the log. */
int maildir_make(const char *path);
/* Stores a mail as it is, made durable, under a name of its own. 0, or -1 after it has said so on the log. */
int maildir_store(const char *path, const struct text *mail);

#endif

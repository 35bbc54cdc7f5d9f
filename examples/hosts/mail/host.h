/* What the library needs for a host of mail: made once, used by all threads, and made anew when the configuration is read again. */
#ifndef BULLA_MAIL_HOST_H
#define BULLA_MAIL_HOST_H

#include "config.h"
#include "header.h"
#include "keys.h"
#include "text.h"

#include <bulla.h>

/* The signed attributes of a sealed mail. */
#define ATTRIBUTE_FROM "from"          /* the first address of From */
#define ATTRIBUTE_SENDER "sender"      /* the envelope's sender, whom bounces go to; none for what has none */
#define ATTRIBUTE_RECEIPT "receipt-to" /* where receipts go */
#define ATTRIBUTE_LINES "lines"        /* "crlf" if the content has CRLF, which it has only if it also has bare LF */

/* What is NULL was not asked for. */
struct host {
    struct config *config;
    struct keys *keys;
    bulla_identity *identity;
    bulla_public *public_identity;
    bulla_policy *policy, *addressees_policy; /* of mails, and of the lists of their addressees */
    bulla_guard *guard;
    bulla_receipter *receipter;
    bulla_outbox *outbox;
    int uses;
};

/* Becomes this user for good, if it runs as root, which it must not go on as. 0, or -1. */
int user_become(const char *user);

#define HOST_GUARD 1  /* for those who open */
#define HOST_OUTBOX 2 /* for those who seal, or settle */

/* NULL after it has said on the log what is wrong. */
struct host *host_new(const char *configuration, int what);
/* A host that is made anew keeps the guard and the outbox of the one before: a durable file is opened once in a process. */
struct host *host_again(const char *configuration, const struct host *before);

/* The host that is used now. Every use is put back, and the last one frees it. */
struct host *host_use(void);
void host_put(struct host *host);
void host_replace(struct host *host);

/* An opener for one reader: a recipient address, or NULL for whoever has the key. */
bulla_status host_opener(const struct host *host, const char *reader, bulla_opener **opener, bulla_error *error);

/* An opener of lists of addressees: by the guard for one of them, or without it. */
bulla_status host_opener_of_addressees(const struct host *host, const char *reader, bulla_opener **opener, bulla_error *error);
/* The context in which those are made: a list is never taken for a mail, nor a mail for a list. */
bulla_status host_draft_of_addressees(const struct host *host, bulla_draft **draft, bulla_error *error);

/* A path in the folder of the state, in `path`, which is made empty before. */
const char *host_path(const struct host *host, struct text *path, const char *folder, const char *name);

/* A signed attribute as a string; empty if there is none. */
void attribute_text(struct text *out, const bulla_stamp *stamp, const char *name);
/* Whom bounces of a mail go to, by its signature. Empty: to nobody. NULL for want of memory. Free it. */
char *sender_of(const bulla_stamp *stamp);

#endif

/* A sealed mail on its way into a mailbox. What is said of it is an exit status of sysexits.h. */
#ifndef BULLA_MAIL_DELIVERY_H
#define BULLA_MAIL_DELIVERY_H

#include "addressees.h"

/* What the judge needs, and what is learnt of the mail before it is stored. */
struct delivery {
    const struct host *host;
    struct mail *mail;
    const char *maildir, *recipient;
    struct text receipt_to;
    struct addressees addressees;
    struct text reader;     /* the recipient, as addressees are compared; empty if the key has one mailbox */
    int named, misaddressed; /* the author named him; the list is not of this mail */
    int differing; /* the outer header says something else, and that is not accepted */
    int undecided; /* something failed here, while it was judged: a rejection is final, so there must be none */
};

/* Finds out to whom the mail may go, and stores it. `raw` is what came. */
int envelope_take(struct delivery *delivery, const struct text *envelope, const struct text *raw);

/* Stores what came with results of ours: "none", or "fail" for what is quarantined. */
int store_other(const struct delivery *delivery, const char *folder, const char *method_result, const struct text *raw);
/* Into the quarantine if that is the action, else this status. */
int quarantine_or(struct delivery *delivery, enum action action, const struct text *raw, int otherwise);

#endif

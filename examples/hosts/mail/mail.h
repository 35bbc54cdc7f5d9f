/* A mail as the mail server hands it over. */
#ifndef BULLA_MAIL_MAIL_H
#define BULLA_MAIL_MAIL_H

#include "header.h"
#include "text.h"

struct mail {
    char *from;        /* the envelope's sender, without angle brackets; empty for bounces */
    char **recipients; /* the envelope's */
    size_t count;
    struct header header;
    struct text body; /* lines end with CRLF, as the milter protocol has them */
};

/* What is to be done with it, and what the client is told or the log. */
enum verdict {
    VERDICT_PASS,       /* as it is */
    VERDICT_CHANGED,    /* with another header and body */
    VERDICT_REJECT,     /* for good: 5xx */
    VERDICT_LATER,      /* nothing is decided: 4xx */
    VERDICT_QUARANTINE, /* the administrator looks at it */
    VERDICT_DISCARD     /* it is dealt with, and there is nothing to deliver */
};

#define SAY_ROOM 400

struct outcome {
    enum verdict verdict;
    char say[SAY_ROOM];          /* why, for the log and the client */
    int damaged;                 /* refused, and nobody is known to have said anything */
    struct header header;        /* with VERDICT_CHANGED */
    struct text body;            /* with VERDICT_CHANGED; lines end with CRLF */
    char *sender;                /* with VERDICT_CHANGED, if it was opened: whom bounces go to, as the author's server signed it */
    char **dropped;              /* with VERDICT_CHANGED: recipients who have it already, in their order; they belong to the mail */
    size_t dropped_count;
    char confirm[300];           /* with VERDICT_CHANGED: whom to add, so that the queue confirms that it has the mail */
};

void mail_free(struct mail *mail);       /* wipes */
void outcome_free(struct outcome *outcome); /* wipes */
int outcome_set(struct outcome *outcome, enum verdict verdict, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* All of a mail that is read from a file or a pipe. 0; or -1: header.excess, or else there is no memory. */
int mail_parse(struct mail *mail, const char *bytes, size_t length);

/* With LF at the ends of lines for CRLF, and the other way. */
void lines_to_lf(struct text *out, const char *from, size_t length);
void lines_to_crlf(struct text *out, const char *from, size_t length);
int lines_have_bare_lf(const char *from, size_t length);

#endif

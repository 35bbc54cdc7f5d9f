/* What the abuse test makes once, and its handles are made of. */
#ifndef ABUSE_PARTS_H
#define ABUSE_PARTS_H

#include "abuse_world.h"

struct abuse_parts {
    struct world world;
    bulla_buffer *line, *key_file, *detached;
    /* The other way: what bob sent to alice, and what she answered. */
    bulla_buffer *outgoing, *receipt, *proof, *evidence, *armored;
    bulla_buffer *long_outgoing; /* of several chunks */
    /* A question to bob, his own one, and its answer. */
    bulla_buffer *asked_of_bob, *question_of_bob, *answer_of_alice;
    bulla_sent outgoing_sent, long_sent;
    bulla_database *database; /* it stays open, so that to open it again is quick */
    unsigned databases;       /* that were spoilt, and replaced */
};

extern struct abuse_parts parts;

/* The bytes in a buffer, as two arguments. */
#define WHOLE(buffer) bulla_buffer_data(buffer), bulla_buffer_length(buffer)

const char *abuse_database_file(void);

/* Nothing is in it. */
bulla_outbox *abuse_empty_outbox(void);

/* What the sealed file for reading at any place is; written once. */
const char *abuse_sealed_file(void);

#endif

/* What the generated abuse test needs: valid arguments of every type, and what checks the outcome of a call. */
#ifndef ABUSE_WORLD_H
#define ABUSE_WORLD_H

#include "harness.h"

/* What a call may return, where it is not one status. */
enum wanted {
    ANYTHING = -1,
    FAILURE = -2, /* any code from 1 to 99 */
    INVALID = BULLA_INVALID_INPUT
};

extern const char *abuse_what; /* which call, and what is wrong with it */
extern bulla_status abuse_answer; /* what callbacks answer */

/* Looks at the outcome of a call that gives a status. `wanted` is one, or an enum wanted; `report` is the error that the call was
   given, or NULL. */
void abuse_judge(bulla_status status, int wanted, const bulla_error *report);

/* An output place between canaries. */
void abuse_untouched(bulla_status status, const void *place, size_t size, size_t value);
#define CANARIES 16

/* Whether something was written to it. */
int abuse_given(const void *place, size_t size);

/* Frees after the call; of two calls in a row one frees in the order of making, and the other in the reverse. */
void abuse_later(void (*end)(void *), void *thing);
void abuse_clean_up(void);

/* The call itself frees it. */
void abuse_forget(const void *thing);

void abuse_begin(void);
void abuse_end(void);
void abuse_lists_end(void);

/* Bytes and strings by the name of the parameter; a default for names that are not known. */
const char *abuse_text(const char *function, const char *parameter);
const uint8_t *abuse_bytes(const char *function, const char *parameter, size_t *length);
uint8_t *abuse_memory(size_t *length);

/* Handles that cannot be made with default arguments alone. */
bulla_sealer *abuse_sealer(void);
bulla_policy *abuse_policy(void);
bulla_message *abuse_message(void);
const bulla_stamp *abuse_stamp(void);
bulla_detached_stream *abuse_detached_stream(void);
bulla_opener *abuse_opener(void);
bulla_guard *abuse_guard(void);
bulla_public *abuse_public(void);
bulla_identity *abuse_identity(void);
bulla_clock *abuse_clock(void);
bulla_open_stream *abuse_open_stream(void);
bulla_lease *abuse_lease(void);
bulla_answer *abuse_answered(void);
bulla_store_stream *abuse_store_stream(void);
bulla_store_stream *abuse_named_store_stream(void);
bulla_provisional_file *abuse_provisional_file(void);
bulla_verified_file *abuse_verified_file(void);
bulla_database *abuse_database(void);
bulla_outbox *abuse_outbox(void);
bulla_due_list *abuse_due_list(void);
bulla_entry_list *abuse_entry_list(void);
bulla_settled *abuse_settled(void);
bulla_guard *abuse_durable_guard(void);
bulla_guard_entry_list *abuse_guard_entry_list(void);
bulla_guard_stream_list *abuse_guard_stream_list(void);
bulla_receipt *abuse_receipt(void);
bulla_asked *abuse_asked(void);
bulla_audit_proof *abuse_audit_proof(void);
bulla_key abuse_key(void);
bulla_sent abuse_sent(void);
bulla_sent abuse_long_sent(void);
bulla_seal_stream *abuse_seal_stream(void);
bulla_ranges *abuse_ranges(void);
bulla_guard_limits abuse_limits(void);
bulla_encryption_key abuse_encryption_key(void);

/* Handles in another state than those. */
bulla_seal_stream *abuse_full_seal_stream(void);
bulla_open_stream *abuse_whole_open_stream(void);
bulla_open_stream *abuse_settled_open_stream(void);
bulla_opener *abuse_verifier(void);
bulla_detached_stream *abuse_full_detached_stream(void);
bulla_store *abuse_holding_store(void);
bulla_armor_reader *abuse_whole_armor_reader(void);
bulla_prover *abuse_full_prover(void);
bulla_outgoing *abuse_whole_outgoing(void);

/* Callbacks that do something, and then answer as all do. */
bulla_status abuse_source_read(void *context, uint64_t offset, uint8_t *memory, size_t length, size_t *read);
bulla_status abuse_source_length(void *context, uint64_t *length);

#endif

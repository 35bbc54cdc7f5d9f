/* The whole of the test framework: tests are functions, a check that fails says where, and the process ends with 1. */
#ifndef HARNESS_H
#define HARNESS_H

#include <bulla.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A failed check is told and counted, and the test goes on: what comes after must cope with that. */
extern int failures;
extern bulla_error error;
void failed(const char *file, int line, const char *what, const char *why);
void worked(const char *file, int line, const char *call, bulla_status status);
void refused(const char *file, int line, const char *call, bulla_status status, bulla_status wanted);

#define CHECK(condition) ((condition) ? (void)0 : failed(__FILE__, __LINE__, #condition, "is not so"))

/* A call that must succeed. It is given `&error`. */
#define OK(call) (before(), worked(__FILE__, __LINE__, #call, (call)))

/* A call that must fail with this code, and say so in `error`. */
#define FAILS(code, call) (before(), refused(__FILE__, __LINE__, #call, (call), (code)))

/* As FAILS, and what the call would have given in `place` is as it was. Also for what a call does not give that succeeds. */
#define UNTOUCHED(code, place, call) \
    (memset(&(place), 0xA5, sizeof(place)), FAILS(code, call), still(__FILE__, __LINE__, #place, &(place), sizeof(place)))

/* A place for an output, between canaries: FRAME() it before the call, and look after it at INTACT(). */
#define FRAMED(type)          \
    struct {                  \
        uint8_t canary[16];   \
        type value;           \
        uint8_t canary2[16];  \
    }
#define FRAME(framed) memset(&(framed), 0xA5, sizeof(framed))
#define INTACT(framed)                                                                                  \
    (still(__FILE__, __LINE__, #framed " (before it)", (framed).canary, sizeof(framed).canary),         \
     still(__FILE__, __LINE__, #framed " (behind it)", (framed).canary2, sizeof(framed).canary2))

void before(void);
void still(const char *file, int line, const char *what, const void *place, size_t size);

/* Content that tests use. */
extern const uint8_t HELLO[5];

/* Two people, and what one needs to write to the other. Made anew for each test that asks for it. */
struct world {
    bulla_identity *alice, *bob;
    bulla_public *alice_public, *bob_public;
    bulla_key alice_key, bob_key;
    bulla_sealer *sealer;   /* alice to bob */
    bulla_draft *draft;     /* of the context "test" */
    bulla_policy *policy;   /* of the context "test", allows alice */
    bulla_guard *guard;
    bulla_opener *opener;   /* bob's */
    bulla_opener *verifier; /* anyone's, with the same policy */
    bulla_buffer *envelope, *content;
};

void begin(struct world *world);
void end(struct world *world);

/* Seals "hello" into world->envelope, which is emptied before. */
void seal_hello(struct world *world, bulla_sent *sent);

/* Opens what is in world->envelope; the status. The content is in world->content, which is emptied before. */
bulla_status open_it(struct world *world, bulla_opener *opener, bulla_message **message);

/* As seal_hello(), from alice to bob with receipts asked for, one or more of BULLA_RECEIPT_..., and other content. */
void seal_asking(struct world *world, uint32_t receipts, const uint8_t *content, size_t length, bulla_sent *sent);

/* Opens what is in world->envelope with a lease of 60 seconds; the content is in world->content, which is emptied before. */
bulla_status lease_it(struct world *world, bulla_lease **lease, bulla_answer **again);

/* Whether the bytes of a view, or of a buffer, are these. */
int view_is(bulla_view view, const void *bytes, size_t length);
int holds(const bulla_buffer *buffer, const void *bytes, size_t length);

/* A path in the folder of this run. */
const char *scratch(const char *name);

/* The same, of which there is nothing yet: a number is added to the name. */
const char *fresh(const char *name, char *path, size_t room);

struct test {
    const char *name;
    void (*run)(void);
};

/* Each file of tests ends with one of these. */
extern const struct test test_status[], test_buffer[], test_identity[], test_clock[], test_draft[], test_seal[],
    test_open[], test_policy[], test_room[], test_stamp[], test_stream[], test_threads[], test_guard[], test_guard_list[],
    test_threads_durable[], test_holder[], test_lease[], test_store[], test_receipt[], test_outbox[], test_audit[],
    test_evidence[], test_armor[], test_random_access[], test_fork[];

#define END {NULL, NULL}

#endif

#include "harness.h"

static void evidence_says_who_and_what(void)
{
    struct world world;
    bulla_message *message = NULL;
    bulla_evidence *evidence = NULL;
    bulla_buffer *proof = NULL;
    bulla_key signer;
    FRAMED(bulla_digest) named;
    bulla_digest digest;

    begin(&world);
    seal_hello(&world, NULL);
    OK(open_it(&world, world.opener, &message));
    OK(bulla_buffer_new(&proof, &error));
    OK(bulla_message_evidence(message, proof, &error));
    bulla_message_free(message);
    OK(bulla_evidence_check(bulla_buffer_data(proof), bulla_buffer_length(proof), &evidence, &error));
    OK(bulla_stamp_signer(bulla_evidence_stamp(evidence), &signer, &error));
    CHECK(memcmp(&signer, &world.alice_key, sizeof signer) == 0);
    CHECK(bulla_evidence_content_length(evidence) == sizeof HELLO);
    FRAME(named);
    OK(bulla_evidence_content_digest(evidence, &named.value, &error));
    INTACT(named);
    OK(bulla_digest_of(HELLO, sizeof HELLO, &digest, &error));
    CHECK(memcmp(&digest, &named.value, sizeof digest) == 0);
    CHECK(bulla_evidence_is_about(evidence, HELLO, sizeof HELLO) == 1);
    CHECK(bulla_evidence_is_about(evidence, HELLO, sizeof HELLO - 1) == 0);
    bulla_evidence_free(evidence);
    UNTOUCHED(BULLA_MALFORMED, evidence, bulla_evidence_check(bulla_buffer_data(proof), bulla_buffer_length(proof) - 1, &evidence, &error));
    bulla_buffer_free(proof);
    end(&world);
}

static void digests_come_in_pieces(void)
{
    bulla_hasher *hasher = NULL;
    bulla_digest whole, pieces;

    OK(bulla_hasher_new(&hasher, &error));
    OK(bulla_hasher_update(hasher, HELLO, 2, &error));
    OK(bulla_hasher_update(hasher, NULL, 0, &error));
    OK(bulla_hasher_digest(hasher, &pieces, &error));
    OK(bulla_digest_of(HELLO, 2, &whole, &error));
    CHECK(memcmp(&whole, &pieces, sizeof whole) == 0);
    /* More may follow. */
    OK(bulla_hasher_update(hasher, HELLO + 2, sizeof HELLO - 2, &error));
    OK(bulla_hasher_digest(hasher, &pieces, &error));
    OK(bulla_digest_of(HELLO, sizeof HELLO, &whole, &error));
    CHECK(memcmp(&whole, &pieces, sizeof whole) == 0);
    bulla_hasher_free(hasher);
}

static void an_envelope_shows_only_its_outside(void)
{
    struct world world;
    FRAMED(bulla_inspection) seen;

    begin(&world);
    seal_hello(&world, NULL);
    FRAME(seen);
    OK(bulla_inspect(bulla_buffer_data(world.envelope), bulla_buffer_length(world.envelope), &seen.value, &error));
    INTACT(seen);
    CHECK(seen.value.kind == BULLA_KIND_SEALED && seen.value.stanzas == 1);
    UNTOUCHED(BULLA_MORE, seen, bulla_inspect(bulla_buffer_data(world.envelope), 10, &seen.value, &error));
    UNTOUCHED(BULLA_MALFORMED, seen, bulla_inspect(HELLO, sizeof HELLO, &seen.value, &error));
    end(&world);
}

const struct test test_evidence[] = {
    {"evidence says who and what", evidence_says_who_and_what},
    {"digests come in pieces", digests_come_in_pieces},
    {"an envelope shows only its outside", an_envelope_shows_only_its_outside},
    END,
};

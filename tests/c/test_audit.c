#include "harness.h"

/* Alice asks bob whether he still has what she sent him; the question is in world->envelope. */
static bulla_question *ask(struct world *world)
{
    bulla_question *question = NULL;
    bulla_sent sent;

    seal_hello(world, &sent);
    bulla_buffer_clear(world->envelope);
    OK(bulla_question_ask(world->alice, NULL, world->bob_public, "test", &sent, world->envelope, &question, &error));
    return question;
}

static bulla_asked *take(struct world *world)
{
    bulla_asked *asked = NULL;

    OK(bulla_asked_open(world->bob, world->policy, world->guard, NULL, bulla_buffer_data(world->envelope),
                        bulla_buffer_length(world->envelope), &asked, &error));
    return asked;
}

static bulla_audit_proof *prove(const bulla_question *question)
{
    bulla_prover *prover = NULL;
    bulla_audit_proof *proof = NULL;

    OK(bulla_question_prover(question, &prover, &error));
    OK(bulla_prover_update(prover, HELLO, 2, &error));
    OK(bulla_prover_update(prover, HELLO + 2, sizeof HELLO - 2, &error));
    OK(bulla_prover_finish(prover, &proof, &error));
    bulla_prover_free(prover);
    return proof;
}

static void who_has_it_can_prove_it(void)
{
    struct world world;
    bulla_question *question, *kept = NULL;
    bulla_asked *asked;
    bulla_audit_proof *held, *told = NULL, *own;
    bulla_buffer *bytes = NULL;
    bulla_prover *prover = NULL;
    bulla_digest digest;
    bulla_key asker, holder;
    bulla_message_id id, same;
    uint64_t length = 0;

    begin(&world);
    question = ask(&world);
    asked = take(&world);
    OK(bulla_question_asker(bulla_asked_question(asked), &asker, &error));
    OK(bulla_question_holder(bulla_asked_question(asked), &holder, &error));
    OK(bulla_question_content(bulla_asked_question(asked), &length, &digest, &error));
    OK(bulla_question_message_id(bulla_asked_question(asked), &id, &error));
    OK(bulla_question_message_id(question, &same, &error));
    CHECK(memcmp(&asker, &world.alice_key, sizeof asker) == 0 && memcmp(&holder, &world.bob_key, sizeof holder) == 0);
    CHECK(length == sizeof HELLO && memcmp(&id, &same, sizeof id) == 0);
    CHECK(view_is(bulla_question_context(bulla_asked_question(asked)), "test", 4));
    held = prove(bulla_asked_question(asked));
    bulla_buffer_clear(world.envelope);
    OK(bulla_asked_answer(asked, world.bob, NULL, held, world.envelope, &error));
    bulla_asked_free(asked);

    /* Alice has kept the question as bytes. */
    OK(bulla_buffer_new(&bytes, &error));
    OK(bulla_question_to_bytes(question, bytes, &error));
    bulla_question_free(question);
    OK(bulla_question_from_bytes(bulla_buffer_data(bytes), bulla_buffer_length(bytes), &kept, &error));
    OK(bulla_question_answer(kept, world.alice, NULL, bulla_buffer_data(world.envelope), bulla_buffer_length(world.envelope), &told,
                             &error));
    own = prove(kept);
    CHECK(bulla_audit_proof_equals(told, own) == 1);
    /* Other content is not the content in question. */
    OK(bulla_question_prover(kept, &prover, &error));
    OK(bulla_prover_update(prover, HELLO, sizeof HELLO - 1, &error));
    bulla_audit_proof_free(held);
    UNTOUCHED(BULLA_NOTHING, held, bulla_prover_finish(prover, &held, &error));
    CHECK(bulla_audit_proof_equals(told, NULL) == 0);
    bulla_prover_free(prover);
    bulla_audit_proof_free(told);
    bulla_audit_proof_free(own);
    bulla_question_free(kept);
    bulla_buffer_free(bytes);
    end(&world);
}

static void who_has_it_no_more_says_so(void)
{
    struct world world;
    bulla_question *question;
    bulla_asked *asked, *again;
    bulla_audit_proof *told;

    begin(&world);
    question = ask(&world);
    asked = take(&world);
    UNTOUCHED(BULLA_REPLAYED, again,
              bulla_asked_open(world.bob, world.policy, world.guard, NULL, bulla_buffer_data(world.envelope),
                               bulla_buffer_length(world.envelope), &again, &error));
    bulla_buffer_clear(world.envelope);
    OK(bulla_asked_answer_not_held(asked, world.bob, NULL, world.envelope, &error));
    UNTOUCHED(BULLA_NOTHING, told,
              bulla_question_answer(question, world.alice, NULL, bulla_buffer_data(world.envelope),
                                    bulla_buffer_length(world.envelope), &told, &error));
    bulla_asked_free(asked);
    bulla_question_free(question);
    end(&world);
}

const struct test test_audit[] = {
    {"who has it can prove it", who_has_it_can_prove_it},
    {"who has it no more says so", who_has_it_no_more_says_so},
    END,
};

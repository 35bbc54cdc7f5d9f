#include "harness.h"

/* Bob takes what is in the envelope, and answers it: the receipt, or the note, is in `receipt`, which is emptied before. */
static void answer_it(struct world *world, int reject, bulla_buffer *receipt)
{
    bulla_lease *lease = NULL;
    bulla_answer *answer = NULL;
    bulla_receipter *receipter = NULL;

    OK(lease_it(world, &lease, &answer));
    OK(bulla_receipter_new(world->bob, &receipter, &error));
    if (reject)
        OK(bulla_receipter_reject(receipter, lease, BULLA_REASON_NO_SUCH_PLACE, "no such user", &answer, &error));
    else
        OK(bulla_receipter_accept(receipter, lease, &answer, &error));
    CHECK(bulla_answer_outcome(answer) == (uint32_t)(reject ? BULLA_OUTCOME_REJECTED : BULLA_OUTCOME_DELIVERED));
    bulla_buffer_clear(receipt);
    OK(bulla_buffer_append(receipt, bulla_answer_receipt(answer).data, bulla_answer_receipt(answer).length, &error));
    bulla_answer_free(answer);
    bulla_lease_free(lease);
    bulla_receipter_free(receipter);
}

struct mail {
    struct world world;
    bulla_policy *recipients; /* to whom it was sent */
    bulla_buffer *receipt;
    bulla_sent sent[2];
};

static void send(struct mail *mail, int which)
{
    seal_asking(&mail->world, BULLA_RECEIPT_DELIVERED | BULLA_RECEIPT_REJECTED, HELLO, sizeof HELLO, &mail->sent[which]);
}

static void set_up(struct mail *mail)
{
    begin(&mail->world);
    OK(bulla_policy_new("test", &mail->recipients, &error));
    OK(bulla_policy_allow(mail->recipients, &mail->world.bob_key, &error));
    OK(bulla_buffer_new(&mail->receipt, &error));
    send(mail, 1);
    send(mail, 0);
}

static void tear_down(struct mail *mail)
{
    bulla_policy_free(mail->recipients);
    bulla_buffer_free(mail->receipt);
    end(&mail->world);
}

static bulla_status open_receipt(const struct mail *mail, const bulla_identity *who, const bulla_policy *policy, bulla_receipt **receipt)
{
    return bulla_receipt_open(who, policy, NULL, bulla_buffer_data(mail->receipt), bulla_buffer_length(mail->receipt), receipt, &error);
}

static void a_receipt_is_for_what_was_sent(void)
{
    struct mail mail;
    bulla_receipt *receipt = NULL;
    FRAMED(size_t) which;
    FRAMED(bulla_key) key;
    FRAMED(uint16_t) code;
    FRAMED(bulla_view) words;
    bulla_message_id id;
    bulla_digest digest;
    uint64_t length;

    set_up(&mail);
    answer_it(&mail.world, 0, mail.receipt);
    OK(open_receipt(&mail, mail.world.alice, mail.recipients, &receipt));
    CHECK(bulla_receipt_status(receipt) == BULLA_STATUS_DELIVERED && bulla_receipt_issued(receipt) >= mail.sent[0].issued);
    FRAME(which);
    OK(bulla_receipt_check(receipt, mail.sent, 2, &which.value, &error));
    INTACT(which);
    CHECK(which.value == 0);
    UNTOUCHED(BULLA_WRONG_RECEIPT, which, bulla_receipt_check(receipt, &mail.sent[1], 1, &which.value, &error));
    FAILS(BULLA_WRONG_RECEIPT, bulla_receipt_check(receipt, NULL, 0, NULL, &error));
    mail.sent[0].content_digest.bytes[0] ^= 1;
    UNTOUCHED(BULLA_CONTENT_DIFFERS, which, bulla_receipt_check(receipt, mail.sent, 2, &which.value, &error));
    mail.sent[0].content_digest.bytes[0] ^= 1;
    FRAME(key);
    OK(bulla_receipt_recipient(receipt, &key.value, &error));
    INTACT(key);
    CHECK(memcmp(&key.value, &mail.world.bob_key, sizeof key.value) == 0);
    OK(bulla_receipt_message_id(receipt, &id, &error));
    OK(bulla_receipt_content(receipt, &length, &digest, &error));
    CHECK(memcmp(&id, &mail.sent[0].message_id, sizeof id) == 0 && length == sizeof HELLO);
    CHECK(memcmp(&digest, &mail.sent[0].content_digest, sizeof digest) == 0 && view_is(bulla_receipt_context(receipt), "test", 4));
    UNTOUCHED(BULLA_NOTHING, code, bulla_receipt_reason(receipt, &code.value, &words.value, &error));
    bulla_receipt_free(receipt);
    tear_down(&mail);
}

static void a_receipt_is_refused_by_whom_it_is_not_for(void)
{
    struct mail mail;
    bulla_receipt *receipt;
    bulla_policy *other = NULL;
    size_t at;

    set_up(&mail);
    answer_it(&mail.world, 0, mail.receipt);
    UNTOUCHED(BULLA_NOT_FOR_ME, receipt, open_receipt(&mail, mail.world.bob, mail.recipients, &receipt));
    UNTOUCHED(BULLA_UNTRUSTED_SENDER, receipt, open_receipt(&mail, mail.world.alice, mail.world.policy, &receipt));
    OK(bulla_policy_new("another", &other, &error));
    OK(bulla_policy_allow(other, &mail.world.bob_key, &error));
    UNTOUCHED(BULLA_WRONG_CONTEXT, receipt, open_receipt(&mail, mail.world.alice, other, &receipt));
    bulla_policy_free(other);
    /* A message is no receipt, and a receipt no message. */
    bulla_buffer_clear(mail.world.envelope);
    OK(bulla_buffer_append(mail.world.envelope, bulla_buffer_data(mail.receipt), bulla_buffer_length(mail.receipt), &error));
    {
        bulla_opener *opener = NULL;
        bulla_message *message;

        OK(bulla_opener_new(mail.world.alice, mail.recipients, mail.world.guard, &opener, &error));
        UNTOUCHED(BULLA_WRONG_STATEMENT, message, open_it(&mail.world, opener, &message));
        bulla_opener_free(opener);
    }
    /* Changed anywhere it is nothing. */
    for (at = 0; at < bulla_buffer_length(mail.world.envelope); at += 97) {
        uint8_t copy[4096];

        CHECK(bulla_buffer_length(mail.receipt) <= sizeof copy);
        memcpy(copy, bulla_buffer_data(mail.receipt), bulla_buffer_length(mail.receipt));
        copy[at] ^= 0x10;
        receipt = NULL;
        CHECK(bulla_receipt_open(mail.world.alice, mail.recipients, NULL, copy, bulla_buffer_length(mail.receipt), &receipt, NULL) !=
                  BULLA_OK && receipt == NULL);
    }
    tear_down(&mail);
}

static void a_rejection_has_a_reason_and_a_proof(void)
{
    struct mail mail;
    bulla_receipt *receipt = NULL;
    bulla_receipt_proof *proof = NULL, *none;
    bulla_buffer *bytes = NULL;
    FRAMED(uint16_t) code;
    FRAMED(bulla_view) words;
    bulla_key key;
    bulla_digest digest;
    bulla_message_id id;
    uint64_t length;

    set_up(&mail);
    answer_it(&mail.world, 1, mail.receipt);
    OK(open_receipt(&mail, mail.world.alice, mail.recipients, &receipt));
    FRAME(code);
    FRAME(words);
    OK(bulla_receipt_reason(receipt, &code.value, &words.value, &error));
    INTACT(code);
    INTACT(words);
    CHECK(code.value == BULLA_REASON_NO_SUCH_PLACE && view_is(words.value, "no such user", 12));
    OK(bulla_buffer_new(&bytes, &error));
    OK(bulla_receipt_to_proof(receipt, bytes, &error));
    bulla_receipt_free(receipt);
    OK(bulla_receipt_proof_check(bulla_buffer_data(bytes), bulla_buffer_length(bytes), &proof, &error));
    UNTOUCHED(BULLA_MALFORMED, none, bulla_receipt_proof_check(bulla_buffer_data(bytes), bulla_buffer_length(bytes) - 1, &none, &error));
    CHECK(bulla_receipt_proof_status(proof) == BULLA_STATUS_REJECTED && bulla_receipt_proof_issued(proof) >= mail.sent[0].issued);
    OK(bulla_receipt_proof_reason(proof, &code.value, &words.value, &error));
    CHECK(code.value == BULLA_REASON_NO_SUCH_PLACE && view_is(words.value, "no such user", 12));
    OK(bulla_receipt_proof_recipient(proof, &key, &error));
    CHECK(memcmp(&key, &mail.world.bob_key, sizeof key) == 0);
    OK(bulla_receipt_proof_author(proof, &key, &error));
    CHECK(memcmp(&key, &mail.world.alice_key, sizeof key) == 0 && view_is(bulla_receipt_proof_context(proof), "test", 4));
    OK(bulla_receipt_proof_header_digest(proof, &digest, &error));
    CHECK(memcmp(&digest, &mail.sent[0].header_digest, sizeof digest) == 0);
    OK(bulla_receipt_proof_message_id(proof, &id, &error));
    OK(bulla_receipt_proof_content(proof, &length, &digest, &error));
    CHECK(memcmp(&id, &mail.sent[0].message_id, sizeof id) == 0 && length == sizeof HELLO);
    bulla_receipt_proof_free(proof);
    bulla_buffer_free(bytes);
    tear_down(&mail);
}

static void who_may_not_be_told_is_not_rejected(void)
{
    struct mail mail;
    bulla_lease *lease = NULL;
    bulla_answer *answer = NULL;
    bulla_receipter *receipter = NULL;
    int round;

    set_up(&mail);
    OK(bulla_receipter_new(mail.world.bob, &receipter, &error));
    OK(bulla_receipter_limit(receipter, mail.world.guard, 3600, 1, &error));
    for (round = 0; round < 2; round++) {
        send(&mail, round);
        OK(lease_it(&mail.world, &lease, &answer));
        if (round == 0) {
            OK(bulla_receipter_reject(receipter, lease, BULLA_REASON_FULL, "", &answer, &error));
            bulla_answer_free(answer);
        } else {
            UNTOUCHED(BULLA_UNTOLD, answer, bulla_receipter_reject(receipter, lease, BULLA_REASON_FULL, "", &answer, &error));
        }
        FAILS(BULLA_WRONG_ORDER, bulla_lease_release(lease, &error));
        bulla_lease_free(lease);
    }
    /* It was released, and is accepted now. */
    OK(lease_it(&mail.world, &lease, &answer));
    UNTOUCHED(BULLA_INVALID_INPUT, answer, bulla_receipter_reject(receipter, lease, 99, "line\nbreak", &answer, &error));
    bulla_lease_free(lease);
    bulla_receipter_free(receipter);
    tear_down(&mail);
}

static void nobody_gets_a_receipt_who_asked_for_none(void)
{
    struct world world;
    bulla_lease *lease = NULL;
    bulla_answer *answer = NULL;
    bulla_receipter *receipter = NULL;

    begin(&world);
    OK(bulla_receipter_new(world.bob, &receipter, &error));
    seal_hello(&world, NULL);
    OK(lease_it(&world, &lease, &answer));
    OK(bulla_receipter_accept(receipter, lease, &answer, &error));
    CHECK(bulla_answer_outcome(answer) == BULLA_OUTCOME_DELIVERED && bulla_answer_receipt(answer).data == NULL);
    bulla_answer_free(answer);
    UNTOUCHED(BULLA_WRONG_ORDER, answer, bulla_receipter_accept(receipter, lease, &answer, &error));
    bulla_lease_free(lease);
    bulla_receipter_free(receipter);
    end(&world);
}

const struct test test_receipt[] = {
    {"a receipt is for what was sent", a_receipt_is_for_what_was_sent},
    {"a receipt is refused by whom it is not for", a_receipt_is_refused_by_whom_it_is_not_for},
    {"a rejection has a reason and a proof", a_rejection_has_a_reason_and_a_proof},
    {"who may not be told is not rejected", who_may_not_be_told_is_not_rejected},
    {"nobody gets a receipt who asked for none", nobody_gets_a_receipt_who_asked_for_none},
    END,
};

// Leases, stores, receipts, the outbox, audits. Compiled with and without exceptions.
#include "harness.hpp"

#include <ctime>
#include <fstream>
#include <iterator>

static std::uint64_t now() { return static_cast<std::uint64_t>(std::time(nullptr)); }

static bulla::sealed asking_for(pair& people, bulla::bytes_view content) {
    auto draft = people.draft();
    MUST(draft.ask_receipts(bulla::receipts::delivered | bulla::receipts::stored | bulla::receipts::rejected, people.alice_public));
    return MUST(people.sealer().seal(draft, content));
}

/// The sender's check of a receipt that came.
static bulla::receipt opened(pair& people, bulla::bytes_view receipt) {
    auto policy = MUST(bulla::policy::make("test"));
    MUST(policy.allow(people.bob_key));
    return MUST(bulla::receipt::open(people.alice, policy, receipt));
}

TEST(a_lease_is_committed_with_a_receipt) {
    pair people;
    const auto sealed = asking_for(people, "hello");
    const auto opener = people.opener();
    const auto receipter = MUST(bulla::receipter::make(people.bob));
    std::string first;
    {
        auto leased = MUST(opener.open_leased(sealed.envelope, 60));
        auto& reserved = *std::get_if<bulla::reserved>(&leased);
        CHECK(reserved.content.text() == "hello" && reserved.lease.kind() == bulla::lease_kind::message);
        FAILS(opener.open_leased(sealed.envelope, 60), BULLA_PENDING);
        CHECK(opener.open_leased(sealed.envelope, 60).error().kind() == bulla::failure::try_again);
        CHECK(bulla::has(reserved.lease.stamp()->receipts, bulla::receipts::stored));
        MUST(reserved.lease.renew(100));
        const auto answer = MUST(receipter.accept(reserved.lease));
        first = answer.receipt().text();
        CHECK(answer.outcome() == bulla::outcome::delivered && !first.empty());
        CHECK(reserved.lease.kind() == bulla::lease_kind::ended && !reserved.lease.stamp());
        const auto message = answer.message();
        CHECK(message && message->stamp().message_id == sealed.sent.id());
        FAILS(reserved.lease.release(), BULLA_WRONG_ORDER);
    }
    const auto again = MUST(opener.open_leased(sealed.envelope, 60));
    const auto* answer = std::get_if<bulla::answer>(&again);
    CHECK(answer != nullptr && answer->receipt().text() == first && !answer->message());

    const auto receipt = opened(people, first);
    CHECK(receipt.status() == bulla::receipt_status::delivered && receipt.recipient() == people.bob_key && !receipt.reason());
    CHECK(MUST(receipt.check(sealed.sent)) == 0 && receipt.content()->length == 5 && receipt.context() == "test");
    FAILS(receipt.check(asking_for(people, "another").sent), BULLA_WRONG_RECEIPT);
    const auto proof = MUST(bulla::receipt_proof::check(MUST(receipt.to_proof())));
    CHECK(proof.author() == people.alice_key && proof.recipient() == people.bob_key);
    CHECK(proof.message_id() == sealed.sent.id() && proof.header_digest() == bulla::digest(sealed.sent.header_digest));
}

TEST(a_lease_that_is_dropped_is_released) {
    pair people;
    const auto sealed = asking_for(people, "hello");
    const auto opener = people.opener();
    static_cast<void>(MUST(opener.open_leased(sealed.envelope, 60)));
    auto leased = MUST(opener.open_leased(sealed.envelope, 60));
    auto& lease = std::get_if<bulla::reserved>(&leased)->lease;
    const auto answer = MUST(lease.commit(static_cast<bulla::outcome>(200), "own"));
    CHECK(answer.outcome() == static_cast<bulla::outcome>(200) && answer.receipt().text() == "own");
}

TEST(a_store_keeps_and_refuses) {
    pair people;
    const folder place;
    const auto opener = people.opener();
    const auto receipter = MUST(bulla::receipter::make(people.bob));
    auto store = MUST(opener.store(60));
    MUST(store.max_content(100));
    bool full = false;
    std::string asked;
    MUST(store.ask_for_room([&](std::string_view folder, std::optional<std::uint64_t> content) {
        asked = std::string(folder) + ":" + std::to_string(content.value_or(0));
        return !full;
    }));
    const auto put = [&](bulla::bytes_view envelope) {
        auto stream = MUST(store.stream(bulla::target::by_id(place.path())));
        static_cast<void>(MUST(stream.update(envelope)));
        return MUST(stream.finish());
    };
    const auto sealed = asking_for(people, "to be kept");
    auto storing = put(sealed.envelope);
    auto* stored = std::get_if<bulla::stored>(&storing);
    CHECK(stored != nullptr && asked == place.path() + ":10");
    std::ifstream file(stored->lease.path(), std::ios::binary);
    CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == "to be kept");
    const auto receipt = opened(people, MUST(receipter.accept(stored->lease)).receipt());
    CHECK(receipt.status() == bulla::receipt_status::stored && MUST(receipt.check({sealed.sent})) == 0);
    CHECK(std::holds_alternative<bulla::answer>(put(sealed.envelope)));

    auto large = put(asking_for(people, std::string(101, 'x')).envelope);
    auto* too_large = std::get_if<bulla::too_large>(&large);
    CHECK(too_large != nullptr && too_large->lease.kind() == bulla::lease_kind::refused);
    const auto rejected = MUST(receipter.reject(too_large->lease, BULLA_REASON_TOO_LARGE, "at most 100 bytes"));
    const auto no = opened(people, std::get_if<bulla::answer>(&rejected)->receipt());
    CHECK(no.status() == bulla::receipt_status::rejected && no.reason()->code == BULLA_REASON_TOO_LARGE);
    CHECK(no.reason()->text == "at most 100 bytes");

    full = true;
    auto squeezed = put(asking_for(people, "no room").envelope);
    CHECK(std::holds_alternative<bulla::no_room>(squeezed));
    MUST(std::get_if<bulla::no_room>(&squeezed)->lease.release());
}

TEST(damage_is_noted_where_that_is_allowed) {
    pair people;
    const auto opener = people.opener();
    auto receipter = MUST(bulla::receipter::make(people.bob));
    MUST(receipter.limit(MUST(bulla::guard::in_memory()), 60, 1));
    auto bytes = asking_for(people, std::string(200000, 'x')).envelope.view().copy();
    bytes[bytes.size() - 1] ^= 1U;
    const auto damaged = [&] {
        auto stream = MUST(opener.stream());
        auto content = MUST(bulla::buffer::make());
        const auto updated = stream.update_provisional(bytes, content);
        CHECK((updated ? stream.settle_provisional(content).code() : updated.code()) == BULLA_NOT_AUTHENTIC);
        return MUST(receipter.damaged(stream, "a bit fell over"));
    };
    const auto note = damaged();
    CHECK(note && opened(people, *note).status() == bulla::receipt_status::damaged);
    CHECK(!damaged()); // Not so often.
}

TEST(an_outbox_is_settled_by_receipts) {
    pair people;
    const folder place;
    const auto outbox = MUST(bulla::outbox::make(MUST(bulla::database::open(place / "outbox"))));
    const auto sealed = asking_for(people, "hello");
    auto letter = MUST(bulla::letter::make(sealed.sent, "test", {people.bob_key}, now() + 1000));
    MUST(letter.until_delivered());
    MUST(letter.note("bob@example.org"));
    MUST(outbox.put(letter, sealed.envelope, now()));
    const auto due = MUST(outbox.due(now(), 10));
    CHECK(due.size() == 1 && MUST(due.at(0)).note == "bob@example.org" && MUST(due.at(0)).recipient == people.bob_key);
    FAILS(due.at(1), BULLA_INVALID_INPUT);
    const auto envelope = MUST(outbox.envelope(MUST(due.at(0)).header_digest));
    CHECK(envelope.view() == sealed.envelope.view());
    auto reader = MUST(outbox.reader(MUST(due.at(0)).header_digest));
    std::string read;
    while (const auto piece = MUST(reader.read(50))) {
        read += piece->text();
    }
    CHECK(read == sealed.envelope.text());
    CHECK(MUST(reader.length()) == read.size() && !MUST(reader.read(50)).has_value());
    CHECK(MUST(reader.seek(20)) && MUST(reader.read(50))->text() == read.substr(20, 50));
    CHECK(!MUST(reader.seek(read.size() + 1)) && MUST(reader.read(50))->text() == read.substr(70, 50));
    MUST(outbox.mark_sent(due, 0, now()));
    CHECK(MUST(outbox.due(now(), 10)).size() == 0);

    auto leased = MUST(people.opener().open_leased(envelope, 60));
    const auto answer = MUST(MUST(bulla::receipter::make(people.bob)).accept(std::get_if<bulla::reserved>(&leased)->lease));
    const auto settled = MUST(outbox.settle(people.alice, answer.receipt()));
    CHECK(settled.is_new() && settled.receipt().status() == bulla::receipt_status::delivered);
    CHECK(MUST(settled.entry()).state == bulla::outbox_state::settled && !MUST(settled.entry()).proof.empty());
    CHECK(!MUST(outbox.settle(people.alice, answer.receipt())).is_new());
    CHECK(MUST(outbox.list(bulla::outbox_filter::settled, 10)).size() == 1);
    CHECK(MUST(outbox.list(bulla::outbox_filter::waiting, 10)).empty());
    CHECK(MUST(outbox.of_message(sealed.sent.id())).at(0).note == "bob@example.org");
    CHECK(MUST(outbox.sent(sealed.sent.id())).at(0).id() == sealed.sent.id());

    const auto late = asking_for(people, "late");
    auto pieces = MUST(outbox.begin());
    MUST(pieces.write(late.envelope.view().part(0, 100)));
    MUST(pieces.write(late.envelope.view().part(100)));
    MUST(pieces.commit(MUST(bulla::letter::make(late.sent, "test", {people.bob_key}, now() + 1)), now()));
    CHECK(MUST(outbox.give_up(now() + 10)).at(0).state == bulla::outbox_state::given_up);
    CHECK(MUST(outbox.forget(now() + 100)) == 2);
    MUST(outbox.clean());
}

TEST(audits_tell_who_still_has_it) {
    pair people;
    const auto sealed = asking_for(people, "held");
    const auto asking = MUST(bulla::question::ask(people.alice, people.bob_public, "test", sealed.sent));
    const auto asked =
        MUST(bulla::asked::open(people.bob, people.policy(), MUST(bulla::guard::in_memory()), asking.envelope));
    const auto prove = [](const bulla::question& question, bulla::bytes_view content) {
        auto prover = MUST(question.prover());
        MUST(prover.update(content));
        return MUST(prover.finish());
    };
    const auto question = asked.question();
    CHECK(question.asker() == people.alice_key && question.holder() == people.bob_key && question.content()->length == 4);
    CHECK(!prove(question, "lost"));
    const auto answer = MUST(asked.answer(people.bob, *prove(question, "held")));
    const auto kept = MUST(bulla::question::from_bytes(MUST(asking.question.to_bytes())));
    const auto proof = MUST(kept.answer(people.alice, answer));
    CHECK(proof && proof->equals(*prove(kept, "held")));
    CHECK(!MUST(kept.answer(people.alice, MUST(asked.answer_not_held(people.bob)))));
}

int main() { return harness::main(); }

// What those who run a host need: streams with gaps, what a guard remembers, rules of their own, no receipts. Compiled with and
// without exceptions.
#include "harness.hpp"

namespace {

/// A policy that accepts a stream in any order, and keeps count.
bulla::policy gapless(const pair& people) {
    auto policy = MUST(bulla::policy::make("test"));
    MUST(policy.allow(people.alice_public));
    MUST(policy.order(bulla::order::gapless, 10, 1));
    return policy;
}

bulla::draft numbered(std::uint64_t number) {
    auto draft = pair::draft();
    MUST(draft.sequence("stream", number));
    return draft;
}

} // namespace

TEST(gaps_are_asked_for_and_given_up) {
    pair people;
    const auto opener = MUST(bulla::opener::make(people.bob, gapless(people), MUST(bulla::guard::in_memory())));
    const auto opened = MUST(opener.open(MUST(people.sealer().seal(numbered(5), "five")).envelope));
    CHECK((MUST(opener.missing(opened.message)) == bulla::ranges{{1, 4}}));
    MUST(opener.skip(opened.message, 4));
    CHECK((MUST(opener.missing(opened.message)) == bulla::ranges{{4, 4}}));
    FAILS(opener.open(MUST(people.sealer().seal(numbered(3), "three")).envelope), BULLA_SUPERSEDED);
    MUST(opener.open(MUST(people.sealer().seal(numbered(4), "four")).envelope));
    CHECK(MUST(opener.missing(opened.message)).empty());
    CHECK(MUST(opener.forget_stream(opened.message)));
    CHECK(!MUST(opener.forget_stream(opened.message)));
    const auto alone = MUST(people.opener().open(MUST(people.sealer().seal(pair::draft(), "x")).envelope));
    FAILS(opener.skip(alone.message, 4), BULLA_INVALID_INPUT); // It is in no stream.
}

TEST(a_durable_guard_is_looked_into) {
    pair people;
    const folder place;
    const auto guard = MUST(bulla::guard::durable(MUST(bulla::database::open(place / "guard"))));
    const auto opener = MUST(bulla::opener::make(people.bob, gapless(people), guard));
    CHECK(MUST(guard.entries(10)).empty() && MUST(guard.streams(10)).empty());
    MUST(opener.open(MUST(people.sealer().seal(numbered(3), "three")).envelope));
    auto leased = MUST(opener.open_leased(MUST(people.sealer().seal(numbered(4), "four")).envelope, 60));
    const auto entries = MUST(guard.entries(10));
    CHECK(entries.size() == 2 && entries[0].name < entries[1].name);
    for (const auto& entry : entries) {
        CHECK(entry.signer == people.alice_key && !entry.stranger && entry.keep_until > entry.issued);
        CHECK((entry.state == bulla::entry_state::reserved) == entry.lease_until.has_value());
    }
    CHECK(entries[0].lease_until.has_value() != entries[1].lease_until.has_value());
    const auto second = MUST(guard.entries(10, &entries[0].name));
    CHECK(second.size() == 1 && second[0].name == entries[1].name && MUST(guard.entries(1)).size() == 1);

    const auto streams = MUST(guard.streams(10));
    CHECK(streams.size() == 1 && streams[0].signer == people.alice_key && streams[0].greatest == 3U);
    CHECK((streams[0].missing == bulla::ranges{{1, 2}}));
    CHECK(MUST(guard.forget_stream(streams[0].name)) && !MUST(guard.forget_stream(streams[0].name)));
    CHECK(MUST(guard.streams(10)).empty());

    const auto memory = MUST(bulla::guard::in_memory());
    FAILS(memory.entries(1), BULLA_INVALID_INPUT);
    FAILS(memory.streams(1), BULLA_INVALID_INPUT);
    FAILS(memory.forget_stream(streams[0].name), BULLA_INVALID_INPUT);
}

TEST(a_host_without_receipts) {
    pair people;
    const auto opener = people.opener();
    auto draft = pair::draft();
    MUST(draft.ask_receipts(bulla::receipts::delivered, people.alice_public));
    const auto sealed = MUST(people.sealer().seal(draft, "x"));
    auto leased = MUST(opener.open_leased(sealed.envelope, 60));
    auto& lease = std::get_if<bulla::reserved>(&leased)->lease;
    const auto answer = MUST(lease.accept_unanswered());
    CHECK(answer.outcome() == bulla::outcome::delivered && answer.receipt().empty() && answer.message()->is_fresh());
    FAILS(lease.accept_unanswered(), BULLA_WRONG_ORDER);
    const auto again = MUST(opener.open_leased(sealed.envelope, 60));
    CHECK(std::get_if<bulla::answer>(&again)->receipt().empty());
}

namespace {

/// What becomes of content in a store with rules.
bulla::storing stored(pair& people, bulla::store& store, const folder& place, std::string_view content) {
    const auto sealed = MUST(people.sealer().seal(pair::draft(), content));
    auto stream = MUST(store.stream(bulla::target::by_id(place.path())));
    static_cast<void>(MUST(stream.update(sealed.envelope)));
    return MUST(stream.finish());
}

} // namespace

TEST(rules_of_the_host) {
    pair people;
    const folder place;
    auto store = MUST(people.opener().store(60));
    std::optional<bulla::reason> answer;
    int asked = 0;
    MUST(store.judge([&](const bulla::stamp& said) {
        CHECK(said.signer == people.alice_key && said.context == "test");
        asked += 1;
        return answer;
    }));
    {
        const auto what = stored(people, store, place, "welcome");
        CHECK(std::get_if<bulla::stored>(&what) != nullptr && !std::get_if<bulla::stored>(&what)->lease.was_there());
    }
    const auto receipter = MUST(bulla::receipter::make(people.bob));
    for (const auto& reason : {bulla::reason{BULLA_REASON_OWN, "not today"}, bulla::reason{0, ""},
                               bulla::reason{BULLA_REASON_OWN, std::string(300, 'x')}}) {
        answer = reason;
        auto what = stored(people, store, place, "unwelcome");
        auto* refused = std::get_if<bulla::refused>(&what);
        CHECK(refused != nullptr && refused->lease.kind() == bulla::lease_kind::refused && refused->lease.path().empty());
        static_cast<void>(MUST(receipter.reject(refused->lease)));
    }
    CHECK(asked == 4);
    // "Later" is no final word, whatever is written beside it.
    for (const auto& words : {std::string(), std::string(300, 'x'), std::string("a\0b", 3)}) {
        answer = bulla::reason{BULLA_JUDGE_LATER, words};
        const auto sealed = MUST(people.sealer().seal(pair::draft(), "who knows"));
        for (const bool later : {true, false}) {
            if (!later) {
                answer.reset();
            }
            auto stream = MUST(store.stream(bulla::target::by_id(place.path())));
            static_cast<void>(MUST(stream.update(sealed.envelope)));
            const auto what = stream.finish();
            CHECK(later ? what.code() == BULLA_UNDECIDED && what.error().kind() == bulla::failure::try_again : what.has_value());
        }
    }
    FAILS(store.judge(nullptr), BULLA_INVALID_INPUT);
}

TEST(a_name_that_is_taken_is_chosen_anew) {
    pair people;
    const folder place;
    const auto store = MUST(people.opener().store(60));
    static_cast<void>(MUST(people.alice.save(place / "taken", std::nullopt)));
    const auto sealed = MUST(people.sealer().seal(pair::draft(), "hello"));
    auto stream = MUST(store.stream(bulla::target::path(place / "taken")));
    FAILS(stream.retarget(bulla::target::by_id(place.path())), BULLA_WRONG_ORDER);
    static_cast<void>(MUST(stream.update(sealed.envelope)));
    for (int turn = 0; turn < 2; ++turn) {
        FAILS(stream.finish(), BULLA_NAME_TAKEN);
        FAILS(stream.update(sealed.envelope), BULLA_WRONG_ORDER);
    }
    FAILS(stream.retarget(bulla::target::by_id(place / "missing")), BULLA_INVALID_INPUT);
    MUST(stream.retarget(bulla::target::by_id(place.path())));
    const auto what = MUST(stream.finish());
    CHECK(std::get_if<bulla::stored>(&what) != nullptr);
}

#if defined(__cpp_exceptions)
namespace {

/// Whether a call throws a `thrown`.
template <class Call> bool throws(std::string_view thrown, Call&& call) {
    try {
        call();
    } catch (const std::string& what) {
        return what == thrown;
    }
    return false;
}

} // namespace

TEST(rules_that_throw_decide_nothing) {
    pair people;
    const folder place;
    auto store = MUST(people.opener().store(60));
    std::string down;
    const auto fail = [&] {
        static_cast<void>(bulla::has_feature("keyfile"));
        if (!down.empty()) {
            throw std::string(down);
        }
    };
    MUST(store.judge([&](const bulla::stamp&) {
        fail();
        return std::optional<bulla::reason>();
    }));
    // It is asked by update() of the long one, by finish() of the short one.
    for (const std::size_t length : {std::size_t{10}, std::size_t{300000}}) {
        const auto sealed = MUST(people.sealer().seal(pair::draft(), std::string(length, 'x')));
        down = "the database is down";
        for (int turn = 0; turn < 2; ++turn) {
            auto stream = MUST(store.stream(bulla::target::by_id(place.path())));
            CHECK(throws(down, [&] {
                static_cast<void>(stream.update(sealed.envelope));
                static_cast<void>(stream.finish());
            }));
            // Also for those who caught it on its way, and went on.
            CHECK(throws(down, [&] { static_cast<void>(stream.update(sealed.envelope)); }));
            CHECK(throws(down, [&] { static_cast<void>(stream.finish()); }));
        }
        down.clear();
        auto stream = MUST(store.stream(bulla::target::by_id(place.path())));
        static_cast<void>(MUST(stream.update(sealed.envelope)));
        const auto what = MUST(stream.finish());
        CHECK(std::get_if<bulla::stored>(&what) != nullptr);
    }
    MUST(store.ask_for_room([&](std::string_view, std::optional<std::uint64_t>) {
        down = "the disk is gone";
        fail();
        return true;
    }));
    CHECK(throws("the disk is gone", [&] { static_cast<void>(stored(people, store, place, "who knows")); }));
}
#endif

namespace {

/// A guard that has accepted everything before, with this receipt, and knows one stream.
class knowing_guard : public bulla::host_guard {
  public:
    knowing_guard(int& looks, int& forgets) : looks_(looks), forgets_(forgets) {}
    bulla_status observe(std::uint64_t now, std::uint64_t& time) override {
        time = now;
        return BULLA_OK;
    }
    bulla_status claim(const bulla::claim&, std::uint64_t, std::optional<std::uint64_t>, bulla::claimed& to) override {
        to.answer = BULLA_CLAIM_NEW;
        to.number = 1;
        return BULLA_OK;
    }
    bulla_status commit(const bulla::lease_token&, bulla::bytes_view) override { return BULLA_OK; }
    bulla_status release(const bulla::lease_token&) override { return BULLA_OK; }
    bulla_status renew(const bulla::lease_token&, std::uint64_t, std::uint64_t) override { return BULLA_OK; }
    bulla_status forget_stream(const bulla::digest&, bool& was_known) override {
        was_known = ++forgets_ == 1;
        return BULLA_OK;
    }
    bulla_status look(const bulla::claim&, std::optional<std::vector<std::uint8_t>>& receipt) override {
        looks_ += 1;
        receipt = std::vector<std::uint8_t>{BULLA_OUTCOME_STORED, 't', 'o', 'l', 'd'};
        return BULLA_OK;
    }

  private:
    int& looks_;
    int& forgets_;
};

} // namespace

TEST(guards_of_the_host_look_and_forget) {
    pair people;
    const folder place;
    int looks = 0;
    int forgets = 0;
    const auto guard = MUST(bulla::host_guard::make(std::make_unique<knowing_guard>(looks, forgets)));
    const auto opener = MUST(bulla::opener::make(people.bob, people.policy(), guard));
    auto store = MUST(opener.store(60));
    const auto what = stored(people, store, place, "came before");
    const auto* again = std::get_if<bulla::answer>(&what);
    CHECK(looks == 1 && again != nullptr && again->outcome() == bulla::outcome::stored && again->receipt().text() == "told");
    const auto opened = MUST(opener.open(MUST(people.sealer().seal(numbered(1), "x")).envelope));
    CHECK(MUST(opener.forget_stream(opened.message)) && !MUST(opener.forget_stream(opened.message)) && forgets == 2);
    FAILS(opener.skip(opened.message, 2), BULLA_GUARD_UNAVAILABLE);
}

TEST(versions_and_memory_of_the_caller) {
    CHECK(bulla::version() == BULLA_VERSION && bulla::abi_version() == BULLA_ABI_VERSION);
    CHECK(bulla::has_feature("keyfile") && !bulla::has_feature("no such"));
    CHECK(!bulla::has_feature(std::string_view("keyfile\0more", 12)));
    pair people;
    std::vector<std::uint8_t> memory(16);
    auto small = MUST(bulla::buffer::over(memory.data(), memory.size()));
    const auto sealed = MUST(people.sealer().seal(pair::draft(), "hello"));
    auto stream = MUST(people.opener().stream());
    MUST(stream.update_provisional(sealed.envelope, small));
    MUST(stream.finish(small));
    CHECK(small.text() == "hello" && memory[0] == 'h');
    FAILS(people.sealer().seal_stream(pair::draft(), std::nullopt, small), BULLA_BUFFER_TOO_SMALL);
    CHECK(bulla::error(BULLA_REPLAYED, "").kind() == bulla::failure::refused);
    CHECK(bulla::error(BULLA_PENDING, "").kind() == bulla::failure::try_again);
    CHECK(bulla::error(BULLA_MALFORMED, "").kind() == bulla::failure::not_acceptable);
    CHECK(bulla::error(12345, "").kind() == bulla::failure::usage);
}

int main() { return harness::main(); }

// What hosts bring of their own (keys, guards, sources), durable guards, evidence, armor. Compiled with and without exceptions.
#include "harness.hpp"

#include <cstring>
#include <map>
#include <mutex>
#include <set>

TEST(durable_guards_remember) {
    pair people;
    const folder place;
    const auto sealed = MUST(people.sealer().seal(people.draft(), "hello"));
    const auto opener = [&] {
        const auto database = MUST(bulla::database::open(place / "guard"));
        const auto guard = MUST(bulla::guard::durable(database));
        CHECK(!MUST(guard.store_id()));
        return std::pair(MUST(bulla::opener::make(people.bob, people.policy(), guard)), MUST(guard.counts()).committed);
    };
    FAILS(bulla::database::open_existing(place / "none"), BULLA_GUARD_UNAVAILABLE);
    MUST(opener().first.open(sealed.envelope));
    CHECK(opener().second == 1);
    FAILS(opener().first.open(sealed.envelope), BULLA_REPLAYED);
    FAILS(MUST(bulla::guard::in_memory()).check(), BULLA_INVALID_INPUT);
    FAILS(bulla::guard::redis("redis://127.0.0.1:1/0"), bulla_has_feature("redis") ? BULLA_GUARD_UNAVAILABLE : BULLA_INVALID_INPUT);
}

TEST(evidence_armor_digests_inspection) {
    pair people;
    const auto sealed = MUST(people.sealer().seal(people.draft(), "hello"));
    const auto opened = MUST(people.opener().open(sealed.envelope));
    const auto proof = MUST(opened.message.evidence());
    const auto evidence = MUST(bulla::evidence::check(proof));
    CHECK(evidence.stamp().signer == people.alice_key && evidence.is_about("hello") && !evidence.is_about("other"));
    auto hasher = MUST(bulla::hasher::make());
    MUST(hasher.update("hel"));
    MUST(hasher.update("lo"));
    CHECK(MUST(hasher.digest()) == MUST(bulla::digest_of("hello")) && MUST(hasher.digest()) == MUST(evidence.content_digest()));
    CHECK(MUST(bulla::key_text(people.alice_key)) == people.alice_key.hex());

    const auto text = MUST(bulla::enarmor(bulla::armor::evidence, proof));
    CHECK(bulla::is_armored(text) && !bulla::is_armored(proof));
    CHECK(MUST(bulla::dearmor(bulla::armor::evidence, text)).view() == proof.view());
    FAILS(bulla::dearmor(bulla::armor::envelope, text), BULLA_MALFORMED);
    auto writer = MUST(bulla::armor_writer::make(bulla::armor::evidence));
    auto reader = MUST(bulla::armor_reader::make(bulla::armor::evidence));
    auto written = MUST(bulla::buffer::make());
    auto read = MUST(bulla::buffer::make());
    MUST(writer.update(proof, written));
    MUST(writer.finish(written));
    CHECK(written.view() == text.view());
    MUST(reader.update(written, read));
    MUST(reader.finish());
    CHECK(read.view() == proof.view());

    const auto seen = MUST(bulla::inspect(sealed.envelope));
    CHECK(seen && seen->kind == BULLA_KIND_SEALED && seen->stanzas == 1);
    CHECK(!MUST(bulla::inspect(sealed.envelope.view().part(0, 10))));
    FAILS(bulla::inspect("no envelope"), BULLA_MALFORMED);
}

TEST(challenges) {
    pair people;
    auto policy = people.policy();
    MUST(policy.demand_challenge(true));
    const auto opener = MUST(bulla::opener::make(people.bob, policy, MUST(bulla::guard::in_memory())));
    auto draft = people.draft();
    FAILS(opener.open(MUST(people.sealer().seal(draft, "x")).envelope), BULLA_WRONG_CHALLENGE);
    MUST(draft.answers(MUST(opener.challenge(60))));
    MUST(opener.open(MUST(people.sealer().seal(draft, "x")).envelope));
}

/// A source of the host's own, which counts its lives.
class memory_source : public bulla::source {
  public:
    memory_source(std::vector<std::uint8_t> bytes, int& alive) : bytes_(std::move(bytes)), alive_(alive) { ++alive_; }
    ~memory_source() override { --alive_; }
    std::optional<std::size_t> read(std::uint64_t offset, std::uint8_t* memory, std::size_t length) override {
        const auto part = bulla::bytes_view(bytes_).part(static_cast<std::size_t>(offset), length);
        if (!part.empty()) {
            std::memcpy(memory, part.data(), part.size());
        }
        return part.size();
    }
    std::optional<std::uint64_t> length() override { return bytes_.size(); }

  private:
    std::vector<std::uint8_t> bytes_;
    int& alive_;
};

TEST(sealed_files_are_read_at_any_place) {
    pair people;
    std::string content(200000, 'x');
    content.replace(150000, 4, "here");
    const auto sealed = MUST(people.sealer().seal(people.draft(), content));
    const auto opener = people.opener();
    int alive = 0;
    {
        auto file = MUST(bulla::provisional_file::open(
            opener, std::make_unique<memory_source>(sealed.envelope.view().copy(), alive)));
        CHECK(file.content_length() == content.size() && file.stamp()->signer == people.alice_key && alive == 1);
        CHECK(MUST(file.read_provisional(150000, 4))->text() == "here");
        CHECK(!MUST(file.read_provisional(content.size(), 4)));
        auto verified = MUST(file.verify());
        CHECK(MUST(verified.file.read(149999, 5))->text() == "xhere" && verified.message.is_fresh());
        CHECK(!file.stamp());
    }
    CHECK(alive == 0);
    FAILS(bulla::provisional_file::open(opener, std::make_unique<memory_source>(std::vector<std::uint8_t>(10), alive)),
          BULLA_MALFORMED);
    CHECK(alive == 0); // Destroyed also where the call failed.
}

/// A guard in memory of the host's own, which knows accepting and reserving alone.
class simple_guard : public bulla::host_guard {
  public:
    explicit simple_guard(bool& broken) : broken_(broken) {}
    bulla_status observe(std::uint64_t now, std::uint64_t& time) override {
        time = high_ = std::max(high_, now);
        return BULLA_OK;
    }
    bulla_status claim(const bulla::claim& what, std::uint64_t, std::optional<std::uint64_t> lease, bulla::claimed& to) override {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (broken_) {
#if defined(__cpp_exceptions)
            throw std::string("broken");
#else
            return 12345;
#endif
        }
        const auto found = entries_.find(what.key);
        if (found != entries_.end()) {
            to.answer = found->second.value != bulla::digest(what.value) ? BULLA_CLAIM_REPLAYED
                        : found->second.done                             ? BULLA_CLAIM_SAME
                                                                         : BULLA_CLAIM_PENDING;
            to.receipt = found->second.receipt;
            return BULLA_OK;
        }
        to.answer = BULLA_CLAIM_NEW;
        to.number = ++number_;
        entries_[what.key] = entry{what.value, !lease, {}};
        return BULLA_OK;
    }
    bulla_status commit(const bulla::lease_token& token, bulla::bytes_view receipt) override {
        const std::lock_guard<std::mutex> lock(mutex_);
        auto& found = entries_[token.key];
        found.done = true;
        found.receipt = receipt.copy();
        return BULLA_OK;
    }
    bulla_status release(const bulla::lease_token& token) override {
        const std::lock_guard<std::mutex> lock(mutex_);
        return entries_.erase(token.key) == 1 ? BULLA_OK : BULLA_LEASE_LOST;
    }
    bulla_status renew(const bulla::lease_token&, std::uint64_t, std::uint64_t) override { return BULLA_OK; }

  private:
    struct entry {
        bulla::digest value;
        bool done = false;
        std::vector<std::uint8_t> receipt;
    };
    std::mutex mutex_;
    std::uint64_t high_ = 0;
    std::uint64_t number_ = 0;
    std::map<bulla::digest, entry> entries_;
    bool& broken_;
};

TEST(guards_of_the_host) {
    pair people;
    bool broken = false;
    const auto guard = MUST(bulla::host_guard::make(std::make_unique<simple_guard>(broken)));
    const auto opener = MUST(bulla::opener::make(people.bob, people.policy(), guard));
    const auto one = MUST(people.sealer().seal(people.draft(), "one"));
    MUST(opener.open(one.envelope));
    FAILS(opener.open(one.envelope), BULLA_REPLAYED);
    const auto two = MUST(people.sealer().seal(people.draft(), "two"));
    static_cast<void>(MUST(opener.open_leased(two.envelope, 60))); // Released at once.
    auto leased = MUST(opener.open_leased(two.envelope, 60));
    MUST(std::get_if<bulla::reserved>(&leased)->lease.commit(bulla::outcome::delivered, "told"));
    const auto again = MUST(opener.open_leased(two.envelope, 60));
    CHECK(std::get_if<bulla::answer>(&again)->receipt().text() == "told");
    broken = true;
    FAILS(opener.open(MUST(people.sealer().seal(people.draft(), "three")).envelope), BULLA_GUARD_UNAVAILABLE);
    FAILS(opener.challenge(60), BULLA_GUARD_UNAVAILABLE);
    FAILS(bulla::host_guard::make(nullptr), BULLA_INVALID_INPUT);
}

TEST(keys_held_elsewhere) {
    pair people;
    const auto newest = MUST(people.alice_public.encryption_key(0));
    CHECK(newest && !MUST(people.alice_public.encryption_key(1)));
    const auto keys = MUST(bulla::public_identity::of_keys(people.alice_key, {*newest}));
    CHECK(MUST(keys.line()) == MUST(people.alice_public.line()));
    int asked = 0;
    bulla::holder holder;
    holder.sign = [&asked](bulla::bytes_view message) -> std::optional<bulla::holder::signature> {
        asked += message.empty() ? 0 : 1;
        return asked == 1 ? std::optional<bulla::holder::signature>(bulla::holder::signature()) : std::nullopt;
    };
    const auto outside = MUST(bulla::holder::identity_of(keys, holder));
    auto sealer = MUST(bulla::sealer::make(outside));
    MUST(sealer.to(people.bob_public));
    FAILS(sealer.seal(people.draft(), "x"), BULLA_KEY_UNAVAILABLE); // A signature that is none.
    FAILS(sealer.seal(people.draft(), "x"), BULLA_KEY_UNAVAILABLE); // None at all.
    CHECK(asked == 2);
    FAILS(outside.text(std::nullopt), BULLA_KEY_UNAVAILABLE);
    holder.multiply = holder.decapsulate = [](std::uint32_t, std::uint32_t, bulla::bytes_view) {
        return std::optional<bulla::holder::secret>();
    };
    FAILS(bulla::holder::identity_of(keys, holder), BULLA_INVALID_INPUT); // Not both.
}

int main() { return harness::main(); }

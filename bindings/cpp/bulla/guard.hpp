/// What is accepted: policies, and the replay guards that remember what was.
#ifndef BULLA_GUARD_HPP
#define BULLA_GUARD_HPP

#include "guard_list.hpp"
#include "identity.hpp"

namespace bulla {

/// Demands on the order of the messages of a stream.
enum class order : std::uint32_t {
    any = BULLA_ORDER_ANY,
    /// Only what is newer than all before it.
    monotonic = BULLA_ORDER_MONOTONIC,
    /// Everything, within a window, and it is known what is missing.
    gapless = BULLA_ORDER_GAPLESS,
};

/// What a reader accepts: one context, and the senders that are named. It accepts nobody until they are.
class policy {
  public:
    static result<policy> make(std::string_view context) {
        const detail::text_of text(context);
        if (!text.whole()) {
            return text.cut();
        }
        return detail::made<policy, bulla_policy>([&](auto** out, auto* why) { return bulla_policy_new(text.get(), out, why); });
    }
    result<void> allow(const key& sender) {
        return detail::done([&](auto* why) { return bulla_policy_allow(handle_.get(), &sender, why); });
    }
    result<void> allow(const public_identity& sender) {
        return detail::done([&](auto* why) { return bulla_policy_allow_identity(handle_.get(), detail::raw(sender), why); });
    }
    /// The sender is then known by the key in the stamp alone: look at it.
    result<void> allow_anyone() {
        return detail::done([&](auto* why) { return bulla_policy_allow_anyone(handle_.get(), why); });
    }
    /// Accepts messages that are at most so many seconds old; none: until they expire. A new policy accepts 30 days.
    result<void> max_age(std::optional<std::uint64_t> seconds) {
        return detail::done(
            [&](auto* why) { return bulla_policy_max_age(handle_.get(), seconds.value_or(BULLA_NO_MAX_AGE), why); });
    }
    /// How far the clocks of sender and reader may differ. A new policy accepts 120 seconds.
    result<void> skew(std::uint64_t seconds) {
        return detail::done([&](auto* why) { return bulla_policy_skew(handle_.get(), seconds, why); });
    }
    /// Whether messages made with the reader's own key are accepted. A new policy refuses them.
    result<void> allow_own(bool allow) {
        return detail::done([&](auto* why) { return bulla_policy_allow_own(handle_.get(), allow ? 1 : 0, why); });
    }
    /// Only for order::gapless: how many numbers before the greatest may be missing, and with which number streams begin.
    result<void> order(bulla::order which, std::uint16_t window = 0, std::uint64_t first = 0) {
        return detail::done([&](auto* why) {
            return bulla_policy_order(handle_.get(), static_cast<std::uint32_t>(which), window, first, why);
        });
    }
    /// Demands that messages answer a challenge of this reader's (opener::challenge()).
    result<void> demand_challenge(bool demand) {
        return detail::done([&](auto* why) { return bulla_policy_demand_challenge(handle_.get(), demand ? 1 : 0, why); });
    }
    /// How many trial decryptions are made at most.
    result<void> max_trials(std::size_t trials) {
        return detail::done([&](auto* why) { return bulla_policy_max_trials(handle_.get(), trials, why); });
    }

  private:
    friend detail::access;
    explicit policy(bulla_policy* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_policy, &bulla_policy_free> handle_;
};

/// How much a guard remembers; 0 in a field: as usual for the others.
using guard_limits = bulla_guard_limits;
/// How much of everything there is in a durable guard.
using guard_counts = bulla_guard_counts;

/// A durable file, for guards and outboxes. Nothing else in the process may open it, and it is not to be carried over a fork.
class database {
  public:
    /// Opens the file, and makes it if there is none.
    static result<database> open(std::string_view file) { return opened(&bulla_database_open, file); }
    /// Opens a file that is there: where it is lost, what it remembered is lost.
    static result<database> open_existing(std::string_view file) { return opened(&bulla_database_open_existing, file); }

  private:
    friend detail::access;
    explicit database(bulla_database* handle) noexcept : handle_(handle) {}
    template <class F> static result<database> opened(F* open, std::string_view file) {
        const detail::text_of name(file);
        if (!name.whole()) {
            return name.cut();
        }
        return detail::made<database, bulla_database>([&](auto** out, auto* why) { return open(name.get(), out, why); });
    }
    detail::handle<bulla_database, &bulla_database_free> handle_;
};

/// How a guard reaches its server. What is not set is as usual.
struct redis_settings {
    std::optional<std::string> prefix;
    /// Uses only the store of this id (guard::store_id()).
    std::optional<std::string> expected_store;
    /// PEM; instead of those of the system.
    std::string root_certificates;
    /// PEM, shown to the server, with its key.
    std::string client_certificate;
    std::string client_key;
    std::optional<guard_limits> how_much;
    /// Seconds.
    std::uint64_t clock_ahead = 0;
    /// Milliseconds.
    std::uint32_t connect_timeout = 0;
    std::uint32_t response_timeout = 0;
    std::uint32_t connections = 0;
    bool allow_unknown_eviction = false;
};

/// A replay guard: remembers what was accepted, so that nothing is accepted twice. For several threads and openers. One over
/// functions of the host's own is in guard_of_host.hpp.
class guard {
  public:
    /// It forgets everything when the process ends.
    static result<guard> in_memory(std::optional<guard_limits> how_much = std::nullopt) {
        return detail::made<guard, bulla_guard>(
            [&](auto** out, auto* why) { return bulla_guard_in_memory(how_much ? &*how_much : nullptr, out, why); });
    }
    /// It forgets nothing: what was accepted is on the disk.
    static result<guard> durable(const database& file, std::optional<guard_limits> how_much = std::nullopt) {
        return detail::made<guard, bulla_guard>([&](auto** out, auto* why) {
            return bulla_guard_durable(detail::raw(file), how_much ? &*how_much : nullptr, out, why);
        });
    }
    /// One that many processes and machines share, on a Redis or Valkey server, if the library was built with it.
    static result<guard> redis(std::string_view url, const redis_settings& how = {}) {
        const detail::text_of place(url);
        const detail::text_of prefix(how.prefix.value_or(""));
        const detail::text_of expected(how.expected_store.value_or(""));
        if (!place.whole() || !prefix.whole() || !expected.whole()) {
            return place.cut();
        }
        bulla_redis_settings settings{};
        settings.size = sizeof settings;
        settings.prefix = how.prefix ? prefix.get() : nullptr;
        settings.expected_store = how.expected_store ? expected.get() : nullptr;
        const auto pem = [](const std::string& text, const std::uint8_t*& data, std::size_t& length) {
            data = text.empty() ? nullptr : bytes_view(text).data();
            length = text.size();
        };
        pem(how.root_certificates, settings.root_certificates, settings.root_certificates_length);
        pem(how.client_certificate, settings.client_certificate, settings.client_certificate_length);
        pem(how.client_key, settings.client_key, settings.client_key_length);
        settings.how_much = how.how_much ? &*how.how_much : nullptr;
        settings.clock_ahead = how.clock_ahead;
        settings.connect_timeout = how.connect_timeout;
        settings.response_timeout = how.response_timeout;
        settings.connections = how.connections;
        settings.allow_unknown_eviction = how.allow_unknown_eviction ? 1 : 0;
        return detail::made<guard, bulla_guard>(
            [&](auto** out, auto* why) { return bulla_guard_redis(place.get(), &settings, out, why); });
    }
    /// Drops entries whose time has come, and tells how many. Guards do that by themselves; this is for idle times.
    [[nodiscard]] result<std::size_t> sweep(std::uint64_t now, std::size_t at_most) const {
        return detail::got<std::size_t, std::size_t>(
            [&](auto* out, auto* why) { return bulla_guard_sweep(handle_.get(), now, at_most, out, why); });
    }
    /// Of a durable guard.
    [[nodiscard]] result<guard_counts> counts() const {
        return detail::got<guard_counts, bulla_guard_counts>(
            [&](auto* out, auto* why) { return bulla_guard_durable_counts(handle_.get(), out, why); });
    }
    /// Reads the whole file of a durable guard, and fails if anything in it is damaged.
    [[nodiscard]] result<void> check() const {
        return detail::done([&](auto* why) { return bulla_guard_durable_check(handle_.get(), why); });
    }
    /// What a durable guard remembers, in the order of the names, from the first name that follows `after`.
    [[nodiscard]] result<std::vector<guard_entry>> entries(std::size_t at_most, const digest* after = nullptr) const {
        return detail::entries_of(handle_.get(), after, at_most);
    }
    /// The ordered streams that a durable guard knows, in the order of the names.
    [[nodiscard]] result<std::vector<guard_stream>> streams(std::size_t at_most, const digest* after = nullptr) const {
        return detail::streams_of(handle_.get(), after, at_most);
    }
    /// Forgets a stream of a durable guard by its name, and tells whether it was known. See opener::forget_stream() for the danger.
    [[nodiscard]] result<bool> forget_stream(const digest& name) const {
        return detail::got<bool, std::uint8_t>(
            [&](auto* out, auto* why) { return bulla_guard_durable_forget_stream(handle_.get(), &name, out, why); });
    }
    /// The id of the store on a server; none for other guards.
    [[nodiscard]] result<std::optional<std::string>> store_id() const {
        auto id = buffer::make();
        if (!id) {
            return id.error();
        }
        return detail::answered<std::optional<std::string>>(
            [&](auto* why) { return bulla_guard_store_id(handle_.get(), detail::raw(*id), why); },
            [&](bulla_status code) -> result<std::optional<std::string>> {
                return code == BULLA_NOTHING ? std::optional<std::string>() : std::optional<std::string>(id->text());
            });
    }

  private:
    friend detail::access;
    explicit guard(bulla_guard* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_guard, &bulla_guard_free> handle_;
};

} // namespace bulla

#endif

/// Who one is, who others are, and what time it is.
#ifndef BULLA_IDENTITY_HPP
#define BULLA_IDENTITY_HPP

#include "handle.hpp"

namespace bulla {

/// A public encryption key of an identity.
using encryption_key = bulla_encryption_key;
/// An encryption key that a secret identity holds.
using generation = bulla_generation;

/// A public identity: a signing key, and the encryption keys of whom it belongs to.
class public_identity {
  public:
    /// Reads an identity line ("bulla1…"); white space around it is an error.
    static result<public_identity> parse(std::string_view line) {
        const detail::text_of text(line);
        if (!text.whole()) {
            return text.cut();
        }
        return detail::made<public_identity, bulla_public>(
            [&](auto** out, auto* why) { return bulla_public_parse(text.get(), out, why); });
    }
    /// Makes one of its keys, as an external holder tells them.
    static result<public_identity> of_keys(const bulla::key& signing_key, const std::vector<bulla::encryption_key>& keys) {
        return detail::made<public_identity, bulla_public>([&](auto** out, auto* why) {
            return bulla_public_of_keys(&signing_key, keys.data(), keys.size(), out, why);
        });
    }
    /// The identity line, to be given to others.
    [[nodiscard]] result<std::string> line() const {
        auto text = detail::filled([&](auto* out, auto* why) { return bulla_public_line(detail::raw(*this), out, why); });
        return text ? result<std::string>(std::string(text->text())) : result<std::string>(text.error());
    }
    /// The signing key: the name by which policies, guards and receipts know it.
    [[nodiscard]] result<bulla::key> key() const {
        return detail::got<bulla::key, bulla_key>(
            [&](auto* out, auto* why) { return bulla_public_key(detail::raw(*this), out, why); });
    }
    /// One of its encryption keys, from 0 on; the last is the newest.
    [[nodiscard]] result<std::optional<bulla::encryption_key>> encryption_key(std::size_t index) const {
        return detail::got_or_nothing<bulla_encryption_key, bulla_encryption_key>(
            [&](auto* out, auto* why) { return bulla_public_encryption_key(detail::raw(*this), index, out, why); });
    }

  private:
    friend detail::access;
    explicit public_identity(bulla_public* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_public, &bulla_public_free> handle_;
};

/// A secret identity: a signing key and encryption keys, here or at an external holder (see holder.hpp). What was made with it keeps
/// a share of it. Secrets are wiped when nothing that was made with it lives any more.
class identity {
  public:
    /// Makes a new one, with the generator of the system.
    static result<identity> generate() {
        return detail::made<identity, bulla_identity>([](auto** out, auto* why) { return bulla_identity_generate(out, why); });
    }
    /// Reads a key file from the disk. The passphrase is used only if the file is protected.
    static result<identity> load(std::string_view file, std::optional<std::string_view> passphrase = std::nullopt) {
        return with_text(file, passphrase, [](const char* name, const char* pass) {
            return detail::made<identity, bulla_identity>(
                [&](auto** out, auto* why) { return bulla_identity_load(name, pass, out, why); });
        });
    }
    /// Reads a key file from memory, as from a secret store.
    static result<identity> parse(bytes_view text, std::optional<std::string_view> passphrase = std::nullopt) {
        return with_text({}, passphrase, [&](const char*, const char* pass) {
            return detail::made<identity, bulla_identity>(
                [&](auto** out, auto* why) { return bulla_identity_parse(text.data(), text.size(), pass, out, why); });
        });
    }
    /// Writes a new key file, readable by its owner alone; it is an error if there is one already. Without a passphrase it is not
    /// protected.
    result<void> save(std::string_view file, std::optional<std::string_view> passphrase) const {
        return with_text(file, passphrase, [&](const char* name, const char* pass) {
            return detail::done([&](auto* why) { return bulla_identity_save(handle_.get(), name, pass, why); });
        });
    }
    /// Replaces a key file in one step, as after rotate().
    result<void> replace(std::string_view file, std::optional<std::string_view> passphrase) const {
        return with_text(file, passphrase, [&](const char* name, const char* pass) {
            return detail::done([&](auto* why) { return bulla_identity_replace(handle_.get(), name, pass, why); });
        });
    }
    /// The text of a key file, to be kept secret.
    [[nodiscard]] result<buffer> text(std::optional<std::string_view> passphrase) const {
        return with_text({}, passphrase, [&](const char*, const char* pass) {
            return detail::filled([&](auto* out, auto* why) { return bulla_identity_text(handle_.get(), pass, out, why); });
        });
    }
    /// What others need of it.
    [[nodiscard]] result<bulla::public_identity> public_identity() const {
        return detail::made<bulla::public_identity, bulla_public>(
            [&](auto** out, auto* why) { return bulla_identity_public(handle_.get(), out, why); });
    }
    /// Makes a new encryption key; those so far still open, and may be destroyed at `old_not_after` (seconds since 1970; none: no
    /// end). Nothing that was made with it may live. Write the key file again.
    result<void> rotate(std::optional<std::uint64_t> old_not_after = std::nullopt) {
        return detail::done(
            [&](auto* why) { return bulla_identity_rotate(handle_.get(), old_not_after.value_or(0), why); });
    }
    /// Destroys the encryption keys whose end has come, but for the newest, and tells how many. Write the key file again.
    result<std::size_t> destroy_expired(std::uint64_t now) {
        return detail::got<std::size_t, std::size_t>(
            [&](auto* out, auto* why) { return bulla_identity_destroy_expired(handle_.get(), now, out, why); });
    }
    /// One of its encryption keys, from 0 on; the first is the newest.
    [[nodiscard]] result<std::optional<bulla::generation>> generation(std::size_t index) const {
        return detail::got_or_nothing<bulla_generation, bulla_generation>(
            [&](auto* out, auto* why) { return bulla_identity_generation(handle_.get(), index, out, why); });
    }

  private:
    friend detail::access;
    explicit identity(bulla_identity* handle) noexcept : handle_(handle) {}
    template <class Call>
    static auto with_text(std::string_view file, std::optional<std::string_view> passphrase, Call&& call)
        -> decltype(call("", "")) {
        const detail::text_of name(file);
        const detail::text_of pass(passphrase.value_or(std::string_view()));
        if (!name.whole() || !pass.whole()) {
            return detail::text_of::cut();
        }
        return call(name.get(), passphrase ? pass.get() : nullptr);
    }
    detail::handle<bulla_identity, &bulla_identity_free> handle_;
};

/// A clock of the host's own, or one that stands still. Without one, the clock of the system is used.
class clock {
  public:
    /// Tells the seconds since 1970; nothing, or what it throws, is BULLA_CLOCK_FAILED.
    using function = std::function<std::optional<std::uint64_t>()>;

    static result<clock> of(function now) {
        auto context = std::make_unique<function>(std::move(now));
        return detail::given(context, detail::made<clock, bulla_clock>([&](auto** out, auto* why) {
                                 return bulla_clock_new(*context ? &tell : nullptr, context.get(), &detail::drop<function>, out, why);
                             }));
    }
    /// To judge as of a given time, and for tests.
    static result<clock> fixed(std::uint64_t time) {
        return detail::made<clock, bulla_clock>([&](auto** out, auto* why) { return bulla_clock_fixed(time, out, why); });
    }

  private:
    friend detail::access;
    explicit clock(bulla_clock* handle) noexcept : handle_(handle) {}
    static bulla_status tell(void* context, std::uint64_t* now) noexcept {
        return detail::contained<bulla_status>(BULLA_CLOCK_FAILED, [&]() -> bulla_status {
            const auto time = (*static_cast<function*>(context))();
            if (!time) {
                return BULLA_CLOCK_FAILED;
            }
            *now = *time;
            return BULLA_OK;
        });
    }
    detail::handle<bulla_clock, &bulla_clock_free> handle_;
};

namespace detail {

/// The clock of the system where there is no other: for calls that take NULL for it.
inline const bulla_clock* clock_or_system(const clock* it) noexcept { return it == nullptr ? nullptr : raw(*it); }

} // namespace detail

} // namespace bulla

#endif

/// Sealing and signing.
#ifndef BULLA_SEAL_HPP
#define BULLA_SEAL_HPP

#include "identity.hpp"

namespace bulla {

/// What was sent: what a receipt is compared with. It is plain data: keep it, byte for byte, until the receipt has come.
struct sent : bulla_sent {
    sent() noexcept : bulla_sent() {}
    sent(const bulla_sent& from) noexcept : bulla_sent(from) {}
    [[nodiscard]] bulla::message_id id() const noexcept { return message_id; }
    [[nodiscard]] std::optional<std::uint64_t> end() const noexcept {
        return has_expires != 0 ? std::optional<std::uint64_t>(expires) : std::nullopt;
    }
};

/// An envelope, and what was sent with it.
struct sealed {
    buffer envelope;
    bulla::sent sent;
};

/// Which receipts are asked for; they can be added with |.
enum class receipts : std::uint32_t {
    none = 0,
    delivered = BULLA_RECEIPT_DELIVERED,
    stored = BULLA_RECEIPT_STORED,
    rejected = BULLA_RECEIPT_REJECTED,
};
constexpr receipts operator|(receipts one, receipts other) noexcept {
    return static_cast<receipts>(static_cast<std::uint32_t>(one) | static_cast<std::uint32_t>(other));
}
constexpr bool has(receipts all, receipts one) noexcept {
    return (static_cast<std::uint32_t>(all) & static_cast<std::uint32_t>(one)) == static_cast<std::uint32_t>(one);
}

/// What is said of a message. It can be used for many; each gets an id of its own.
class draft {
  public:
    /// The context is the name of the application or protocol, which the reader demands.
    static result<draft> make(std::string_view context) {
        const detail::text_of text(context);
        if (!text.whole()) {
            return text.cut();
        }
        return detail::made<draft, bulla_draft>([&](auto** out, auto* why) { return bulla_draft_new(text.get(), out, why); });
    }
    /// It expires so many seconds after it is sealed. Without an end a reader goes by its own greatest age.
    result<void> expires_in(std::uint64_t seconds) {
        return detail::done([&](auto* why) { return bulla_draft_expires_in(handle_.get(), seconds, why); });
    }
    result<void> expires_at(std::uint64_t time) {
        return detail::done([&](auto* why) { return bulla_draft_expires_at(handle_.get(), time, why); });
    }
    /// What the content is: a media type.
    result<void> content_type(std::string_view media_type) {
        const detail::text_of text(media_type);
        if (!text.whole()) {
            return text.cut();
        }
        return detail::done([&](auto* why) { return bulla_draft_content_type(handle_.get(), text.get(), why); });
    }
    /// Adds an attribute, or replaces the one of that name. A file name goes into the attribute "name".
    result<void> attribute(std::string_view name, bytes_view value) {
        const detail::text_of text(name);
        if (!text.whole()) {
            return text.cut();
        }
        return detail::done([&](auto* why) {
            return bulla_draft_attribute(handle_.get(), text.get(), value.data(), value.size(), why);
        });
    }
    /// Its place in a stream of messages of this sender and context.
    result<void> sequence(bytes_view stream, std::uint64_t number) {
        return detail::done([&](auto* why) {
            return bulla_draft_sequence(handle_.get(), stream.data(), stream.size(), number, why);
        });
    }
    /// It answers a challenge of the reader's (opener::challenge()).
    result<void> answers(const digest& challenge) {
        return detail::done([&](auto* why) { return bulla_draft_answers(handle_.get(), challenge.bytes, why); });
    }
    /// Asks for receipts, sealed to an encryption key of the sender's.
    result<void> ask_receipts(receipts which, const public_identity& reply_to) {
        return detail::done([&](auto* why) {
            return bulla_draft_ask_receipts(handle_.get(), static_cast<std::uint32_t>(which), detail::raw(reply_to), why);
        });
    }
    /// Seals an earlier message again, so that readers count both as one. Everything else must be as it was the first time.
    result<void> again(const sent& first) {
        return detail::done([&](auto* why) { return bulla_draft_again(handle_.get(), &first, why); });
    }

  private:
    friend detail::access;
    explicit draft(bulla_draft* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_draft, &bulla_draft_free> handle_;
};

/// Many envelopes under one ephemeral key, which saves most of the work. Relays can tell that they belong together, and who steals
/// that one key opens them all: for batches in one trust domain only.
class session {
  public:
    static result<session> begin(const identity& sender) {
        return detail::made<session, bulla_session>(
            [&](auto** out, auto* why) { return bulla_session_new(detail::raw(sender), out, why); });
    }

  private:
    friend detail::access;
    explicit session(bulla_session* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_session, &bulla_session_free> handle_;
};

/// How the length of sealed content is hidden: by rounding it up by at most 12 % (as a new sealer does), or not.
enum class padding : std::uint32_t { none = BULLA_PADDING_NONE, padme = BULLA_PADDING_PADME };

/// An envelope in the making, whose content comes in pieces. One that is not finished opens to nobody.
class seal_stream {
  public:
    /// Takes the next piece. What it completes of the envelope is appended: write it out, clear it, use it again.
    result<void> update(bytes_view content, buffer& envelope) {
        return detail::done([&](auto* why) {
            return bulla_seal_stream_update(handle_.get(), content.data(), content.size(), detail::raw(envelope), why);
        });
    }
    /// Appends some of the padding, at most 64 KiB, once all content has come; false once none is left. It keeps memory small where
    /// the content is long, and need not be called.
    result<bool> pad(buffer& envelope) {
        return detail::answered<bool>([&](auto* why) { return bulla_seal_stream_pad(handle_.get(), detail::raw(envelope), why); },
                                      [](bulla_status code) -> result<bool> {
                                          return code == BULLA_OK || code == BULLA_NOTHING ? result<bool>(code == BULLA_OK)
                                                                                           : result<bool>(detail::unexpected(code));
                                      });
    }
    /// Ends the envelope. The rest of it is appended.
    result<sent> finish(buffer& envelope) {
        return detail::got<sent, bulla_sent>(
            [&](auto* out, auto* why) { return bulla_seal_stream_finish(handle_.get(), detail::raw(envelope), out, why); });
    }

  private:
    friend detail::access;
    explicit seal_stream(bulla_seal_stream* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_seal_stream, &bulla_seal_stream_free> handle_;
};

/// A detached envelope in the making, over content that comes in pieces.
class detached_signer {
  public:
    result<void> update(bytes_view content) {
        return detail::done([&](auto* why) {
            return bulla_detached_signer_update(handle_.get(), content.data(), content.size(), why);
        });
    }
    result<sealed> finish() {
        bulla::sent told;
        auto envelope = detail::filled(
            [&](auto* out, auto* why) { return bulla_detached_signer_finish(handle_.get(), out, &told, why); });
        return envelope ? result<sealed>(sealed{*std::move(envelope), told}) : result<sealed>(envelope.error());
    }

  private:
    friend detail::access;
    explicit detached_signer(bulla_detached_signer* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_detached_signer, &bulla_detached_signer_free> handle_;
};

/// Seals to recipients, and signs.
class sealer {
  public:
    /// One that signs with this identity, by the clock of the system. It has no recipients yet.
    static result<sealer> make(const identity& sender) {
        return detail::made<sealer, bulla_sealer>(
            [&](auto** out, auto* why) { return bulla_sealer_new(detail::raw(sender), out, why); });
    }
    result<void> clock(const bulla::clock& host_clock) {
        return detail::done([&](auto* why) { return bulla_sealer_clock(handle_.get(), detail::raw(host_clock), why); });
    }
    /// Adds a recipient. All open the same envelope, and do not learn of each other.
    result<void> to(const public_identity& recipient) {
        return detail::done([&](auto* why) { return bulla_sealer_to(handle_.get(), detail::raw(recipient), why); });
    }
    /// Forgets the recipients, to seal to others.
    result<void> to_nobody() {
        return detail::done([&](auto* why) { return bulla_sealer_to_nobody(handle_.get(), why); });
    }
    result<void> padding(bulla::padding how) {
        return detail::done(
            [&](auto* why) { return bulla_sealer_padding(handle_.get(), static_cast<std::uint32_t>(how), why); });
    }
    /// Adds random stanzas, so that relays do not learn how many recipients there are.
    result<void> decoys(std::size_t count) {
        return detail::done([&](auto* why) { return bulla_sealer_decoys(handle_.get(), count, why); });
    }
    /// Stirs bytes of the host's into what is random.
    result<void> extra_entropy(bytes_view entropy) {
        return detail::done([&](auto* why) {
            return bulla_sealer_extra_entropy(handle_.get(), entropy.data(), entropy.size(), why);
        });
    }
    result<void> session(const bulla::session& with) {
        return detail::done([&](auto* why) { return bulla_sealer_session(handle_.get(), detail::raw(with), why); });
    }

    /// Seals content to the recipients: private, signed, with a stamp.
    [[nodiscard]] result<sealed> seal(const draft& said, bytes_view content) const {
        return whole(&bulla_seal, said, content);
    }
    /// Signs content, which stays readable for everyone, inside the envelope.
    [[nodiscard]] result<sealed> sign(const draft& said, bytes_view content) const {
        return whole(&bulla_sign, said, content);
    }
    /// Signs content that stays beside the envelope, as for web pages and software.
    [[nodiscard]] result<sealed> sign_detached(const draft& said, bytes_view content) const {
        return whole(&bulla_sign_detached, said, content);
    }
    /// Begins a sealed envelope whose content comes in pieces. The beginning of the envelope is appended. A length that is known is
    /// signed up front. For its reader the content is provisional until its end: seal() is better where the content is at hand.
    [[nodiscard]] result<bulla::seal_stream> seal_stream(const draft& said, std::optional<std::uint64_t> length, buffer& envelope) const {
        return stream(&bulla_seal_stream_new, said, length, envelope);
    }
    /// Begins a signed envelope whose content comes in pieces.
    [[nodiscard]] result<bulla::seal_stream> sign_stream(const draft& said, std::optional<std::uint64_t> length,
                                                         buffer& envelope) const {
        return stream(&bulla_sign_stream_new, said, length, envelope);
    }
    /// Begins a detached envelope over content that comes in pieces.
    [[nodiscard]] result<bulla::detached_signer> detached_signer(const draft& said) const {
        return detail::made<bulla::detached_signer, bulla_detached_signer>([&](auto** out, auto* why) {
            return bulla_detached_signer_new(handle_.get(), detail::raw(said), out, why);
        });
    }

  private:
    friend detail::access;
    explicit sealer(bulla_sealer* handle) noexcept : handle_(handle) {}
    template <class F> result<sealed> whole(F* call, const draft& said, bytes_view content) const {
        bulla::sent told;
        auto envelope = detail::filled([&](auto* out, auto* why) {
            return call(handle_.get(), detail::raw(said), content.data(), content.size(), out, &told, why);
        });
        return envelope ? result<sealed>(sealed{*std::move(envelope), told}) : result<sealed>(envelope.error());
    }
    template <class F>
    result<bulla::seal_stream> stream(F* call, const draft& said, std::optional<std::uint64_t> length, buffer& envelope) const {
        return detail::made<bulla::seal_stream, bulla_seal_stream>([&](auto** out, auto* why) {
            return call(handle_.get(), detail::raw(said), length.value_or(BULLA_LENGTH_UNKNOWN), detail::raw(envelope), out, why);
        });
    }
    detail::handle<bulla_sealer, &bulla_sealer_free> handle_;
};

} // namespace bulla

#endif

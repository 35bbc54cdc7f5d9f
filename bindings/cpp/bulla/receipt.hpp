/// Receipts: made for senders, and opened by them.
#ifndef BULLA_RECEIPT_HPP
#define BULLA_RECEIPT_HPP

#include "open.hpp"

namespace bulla {

/// The sender asked to be told of rejections, and may not be told now: so the message was not rejected but released, and may come
/// again.
struct untold {};

/// Makes receipts, each sealed to the key that the sender asked it to be sent to. A receipt comes only out of a commit.
class receipter {
  public:
    static result<receipter> make(const identity& recipient) {
        return detail::made<receipter, bulla_receipter>(
            [&](auto** out, auto* why) { return bulla_receipter_new(detail::raw(recipient), out, why); });
    }
    result<void> clock(const bulla::clock& host_clock) {
        return detail::done([&](auto* why) { return bulla_receipter_clock(handle_.get(), detail::raw(host_clock), why); });
    }
    /// Limits how often one sender is told of rejections and of damage. Without it no notes of damage are made.
    result<void> limit(const guard& counts, std::uint64_t every, std::uint32_t burst) {
        return detail::done(
            [&](auto* why) { return bulla_receipter_limit(handle_.get(), detail::raw(counts), every, burst, why); });
    }
    /// The message was handed to the application, or its content is on the disk: makes the receipt, commits the message with it,
    /// and only then gives it. The lease has ended then, whatever comes of this.
    [[nodiscard]] result<answer> accept(lease& of) const {
        return detail::made<answer, bulla_answer>(
            [&](auto** out, auto* why) { return bulla_receipter_accept(handle_.get(), detail::raw(of), out, why); });
    }
    /// The message is rejected for good. The lease has ended then, whatever comes of this.
    [[nodiscard]] result<std::variant<answer, untold>> reject(lease& of, std::uint16_t code, std::string_view reason) const {
        const detail::text_of text(reason);
        if (!text.whole()) {
            return text.cut();
        }
        return rejected(of, code, text.get());
    }
    /// As above, with the reason that the store's own rules gave: only what is refused has one.
    [[nodiscard]] result<std::variant<answer, untold>> reject(lease& of) const { return rejected(of, 0, nullptr); }
    /// A copy came damaged (BULLA_NOT_AUTHENTIC): makes a note for its sender, if one may be given. It needs a limit().
    [[nodiscard]] result<std::optional<buffer>> damaged(const open_stream& stream, std::string_view words) const {
        return note(&bulla_receipter_damaged, detail::raw(stream), words);
    }
    [[nodiscard]] result<std::optional<buffer>> damaged(const store_stream& stream, std::string_view words) const {
        return note(&bulla_receipter_damaged_in_store, detail::raw(stream), words);
    }

  private:
    friend detail::access;
    explicit receipter(bulla_receipter* handle) noexcept : handle_(handle) {}
    result<std::variant<answer, untold>> rejected(lease& of, std::uint16_t code, const char* reason) const {
        using either = std::variant<answer, untold>;
        bulla_answer* made = nullptr;
        return detail::answered<either>(
            [&](auto* why) { return bulla_receipter_reject(handle_.get(), detail::raw(of), code, reason, &made, why); },
            [&](bulla_status answer_code) -> result<either> {
                if (answer_code == BULLA_UNTOLD) {
                    return either(untold());
                }
                return answer_code == BULLA_OK ? result<either>(either(detail::access::from<answer>(made)))
                                               : result<either>(detail::unexpected(answer_code));
            });
    }
    template <class F, class S> result<std::optional<buffer>> note(F* call, S* stream, std::string_view words) const {
        const detail::text_of text(words);
        auto out = buffer::make();
        if (!out || !text.whole()) {
            return out ? text.cut() : out.error();
        }
        return detail::answered<std::optional<buffer>>(
            [&](auto* why) { return call(handle_.get(), stream, text.get(), detail::raw(*out), why); },
            [&](bulla_status code) -> result<std::optional<buffer>> {
                return code == BULLA_NOTHING ? std::optional<buffer>() : std::optional<buffer>(*std::move(out));
            });
    }
    detail::handle<bulla_receipter, &bulla_receipter_free> handle_;
};

/// What a recipient says became of a message.
enum class receipt_status : std::uint32_t {
    /// Of a newer version.
    unknown = 0,
    delivered = BULLA_STATUS_DELIVERED,
    stored = BULLA_STATUS_STORED,
    rejected = BULLA_STATUS_REJECTED,
    /// A copy came damaged. This settles nothing: the message stays due.
    damaged = BULLA_STATUS_DAMAGED,
};

/// The content that a recipient verified.
struct content_name {
    std::uint64_t length = 0;
    bulla::digest digest;
};

namespace detail {

/// The getters that a receipt and its proof have in common.
template <class T, class Call> std::optional<reason> reason_of(const T* from, Call* call) {
    std::uint16_t code = 0;
    bulla_view words{};
    return call(from, &code, &words, nullptr) == BULLA_OK ? std::optional<reason>(reason{code, text(words)}) : std::nullopt;
}
template <class T, class Call> std::optional<content_name> content_of(const T* from, Call* call) {
    content_name content;
    return call(from, &content.length, &content.digest, nullptr) == BULLA_OK ? std::optional<content_name>(content) : std::nullopt;
}
template <class V, class T, class Call> V value_of(const T* from, Call* call) {
    V value;
    static_cast<void>(call(from, &value, nullptr)); // All zero where the object was moved from.
    return value;
}

} // namespace detail

/// A receipt that was opened: its recipient really said this, to this author. Whether it is about what was sent, check() says:
/// settle nothing before.
class receipt {
  public:
    /// Opens one that came. The policy: the context of the message, and as senders those to whom it was sent.
    static result<receipt> open(const identity& author, const policy& accepted, bytes_view envelope,
                                const clock* host_clock = nullptr) {
        return detail::made<receipt, bulla_receipt>([&](auto** out, auto* why) {
            return bulla_receipt_open(detail::raw(author), detail::raw(accepted), detail::clock_or_system(host_clock),
                                      envelope.data(), envelope.size(), out, why);
        });
    }
    /// Which of the sealings of a message it answers. BULLA_CONTENT_DIFFERS is to be told loudly.
    [[nodiscard]] result<std::size_t> check(const std::vector<sent>& all) const {
        std::vector<bulla_sent> plain(all.begin(), all.end());
        return detail::got<std::size_t, std::size_t>([&](auto* out, auto* why) {
            return bulla_receipt_check(handle_.get(), plain.data(), plain.size(), out, why);
        });
    }
    [[nodiscard]] result<std::size_t> check(const sent& one) const { return check(std::vector<sent>{one}); }
    [[nodiscard]] receipt_status status() const noexcept { return static_cast<receipt_status>(bulla_receipt_status(handle_.get())); }
    /// None if it was accepted.
    [[nodiscard]] std::optional<bulla::reason> reason() const { return detail::reason_of(handle_.get(), &bulla_receipt_reason); }
    [[nodiscard]] key recipient() const { return detail::value_of<key>(handle_.get(), &bulla_receipt_recipient); }
    [[nodiscard]] bulla::message_id message_id() const {
        return detail::value_of<bulla::message_id>(handle_.get(), &bulla_receipt_message_id);
    }
    [[nodiscard]] std::string context() const { return detail::text(bulla_receipt_context(handle_.get())); }
    [[nodiscard]] std::uint64_t issued() const noexcept { return bulla_receipt_issued(handle_.get()); }
    /// What the recipient verified; none if it was rejected by its stamp alone.
    [[nodiscard]] std::optional<content_name> content() const {
        return detail::content_of(handle_.get(), &bulla_receipt_content);
    }
    /// For a third party, who needs no key to check it (receipt_proof::check()).
    [[nodiscard]] result<buffer> to_proof() const {
        return detail::filled([&](auto* out, auto* why) { return bulla_receipt_to_proof(handle_.get(), out, why); });
    }

    receipt(receipt&&) noexcept = default;
    receipt& operator=(receipt&&) noexcept = default;
    receipt(const receipt&) = delete;
    receipt& operator=(const receipt&) = delete;
    ~receipt() = default;

  private:
    friend detail::access;
    friend class settled;
    explicit receipt(bulla_receipt* handle) : handle_(handle, &bulla_receipt_free) {}
    explicit receipt(std::shared_ptr<const bulla_receipt> part) : handle_(std::move(part)) {}
    std::shared_ptr<const bulla_receipt> handle_;
};

/// The proof of a receipt that was checked: the recipient signed this about a message of this author.
class receipt_proof {
  public:
    static result<receipt_proof> check(bytes_view proof) {
        return detail::made<receipt_proof, bulla_receipt_proof>(
            [&](auto** out, auto* why) { return bulla_receipt_proof_check(proof.data(), proof.size(), out, why); });
    }
    [[nodiscard]] receipt_status status() const noexcept {
        return static_cast<receipt_status>(bulla_receipt_proof_status(handle_.get()));
    }
    [[nodiscard]] std::optional<bulla::reason> reason() const {
        return detail::reason_of(handle_.get(), &bulla_receipt_proof_reason);
    }
    [[nodiscard]] key recipient() const { return detail::value_of<key>(handle_.get(), &bulla_receipt_proof_recipient); }
    [[nodiscard]] key author() const { return detail::value_of<key>(handle_.get(), &bulla_receipt_proof_author); }
    [[nodiscard]] bulla::message_id message_id() const {
        return detail::value_of<bulla::message_id>(handle_.get(), &bulla_receipt_proof_message_id);
    }
    [[nodiscard]] digest header_digest() const {
        return detail::value_of<digest>(handle_.get(), &bulla_receipt_proof_header_digest);
    }
    [[nodiscard]] std::string context() const { return detail::text(bulla_receipt_proof_context(handle_.get())); }
    [[nodiscard]] std::uint64_t issued() const noexcept { return bulla_receipt_proof_issued(handle_.get()); }
    [[nodiscard]] std::optional<content_name> content() const {
        return detail::content_of(handle_.get(), &bulla_receipt_proof_content);
    }

  private:
    friend detail::access;
    explicit receipt_proof(bulla_receipt_proof* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_receipt_proof, &bulla_receipt_proof_free> handle_;
};

} // namespace bulla

#endif

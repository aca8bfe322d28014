#include "net/request_parser.h"

#include <algorithm>
#include <limits>
#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>

namespace tenure::net {
namespace {

namespace http = boost::beast::http;
using boost::beast::iequals;
using BeastText = boost::beast::string_view;
using ErrorCode = boost::beast::error_code;

constexpr std::size_t kFieldsMax = 128;
constexpr std::size_t kTrailersMax = 64;

Method method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::kGet;
    case http::verb::head:
      return Method::kHead;
    case http::verb::post:
      return Method::kPost;
    case http::verb::put:
      return Method::kPut;
    case http::verb::patch:
      return Method::kPatch;
    case http::verb::delete_:
      return Method::kDelete;
    case http::verb::options:
      return Method::kOptions;
    default:
      return Method::kOther;
  }
}

bool is_digits(BeastText text) {
  return !text.empty() && text.size() <= 19 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

RequestParser::Refusal refusal_for(const ErrorCode& code) {
  using E = http::error;
  if (code == E::bad_version) return {505, "Only HTTP/1.0 and HTTP/1.1 are spoken here"};
  if (code == E::bad_transfer_encoding || code == E::bad_content_length ||
      code == E::multiple_content_length) {
    return {400, "Content-Length and Transfer-Encoding contradict each other or are malformed"};
  }
  if (code == E::bad_chunk || code == E::bad_chunk_extension) {
    return {400, "Malformed chunk in the request body"};
  }
  if (code == E::header_limit) return {431, "The request's header is too large"};
  if (code == E::bad_line_ending) return {400, "Header lines must end with CR LF"};
  if (code == E::bad_method) return {400, "Malformed request: not a method"};
  if (code == E::bad_target) return {400, "Malformed request target"};
  return {400, "Malformed HTTP request"};
}

}  // namespace

struct RequestParser::Machine {
  class Beast final : public http::basic_parser<true> {
   public:
    explicit Beast(Machine& machine) : machine_(machine) {
      header_limit(std::numeric_limits<std::uint32_t>::max());  // ours counts the whole head
      body_limit(boost::none);
    }

   private:
    void on_request_impl(http::verb verb, BeastText, BeastText target, int version,
                         ErrorCode&) override {
      machine_.head.method = method_of(verb);
      machine_.head.version = version;
      machine_.head.target = machine_.range_of(target);
    }
    void on_response_impl(int, BeastText, int, ErrorCode&) override {}
    void on_field_impl(http::field field, BeastText name, BeastText value,
                       ErrorCode& code) override {
      machine_.take_field(field, name, value, code);
    }
    void on_header_impl(ErrorCode& code) override { machine_.finish_head(code); }
    void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
    std::size_t on_body_impl(BeastText bytes, ErrorCode&) override { return bytes.size(); }
    void on_chunk_header_impl(std::uint64_t size, BeastText, ErrorCode& code) override {
      if (size > machine_.body_max - machine_.body->size()) {
        machine_.refuse(413, "The request's body is too large", code);
      }
    }
    std::size_t on_chunk_body_impl(std::uint64_t, BeastText bytes, ErrorCode&) override {
      machine_.body->append(bytes.data(), bytes.size());
      return bytes.size();
    }
    void on_finish_impl(ErrorCode&) override {}

    Machine& machine_;
  };

  RequestHead head;
  Refusal refusal;
  std::optional<Beast> beast;
  const char* base = nullptr;  ///< of the request, during a call
  std::size_t bytes_size = 0;
  std::size_t parsed = 0;  ///< bytes of the head Beast is done with
  bool is_refused = false;
  bool has_length = false, has_coding = false, is_unknown_coding = false;
  bool is_in_trailers = false;
  std::size_t trailers = 0;
  std::size_t hosts = 0;
  std::string* body = nullptr;
  std::uint64_t body_max = 0;

  void reset() {
    head.method = Method::kGet;
    head.target = head.content_type = head.request_id = {};
    head.content_encoding = head.accept_encoding = {};
    head.fields.clear();
    head.content_length = 0;
    head.is_chunked = head.expects_continue = false;
    head.length = 0;
    parsed = trailers = hosts = 0;
    is_refused = has_length = has_coding = is_unknown_coding = is_in_trailers = false;
    beast.emplace(*this);
  }

  TextRange range_of(BeastText text) const {
    if (text.empty()) return {};
    return {static_cast<std::uint32_t>(text.data() - base),
            static_cast<std::uint32_t>(text.size())};
  }

  void refuse(int status, std::string_view detail, ErrorCode& code) {
    refusal = {status, detail};
    is_refused = true;
    code = http::error::bad_field;
  }

  void take_field(http::field field, BeastText name, BeastText value, ErrorCode& code) {
    if (is_in_trailers) {
      if (++trailers > kTrailersMax) refuse(431, "Too many trailer fields", code);
      return;
    }
    if (head.fields.size() == kFieldsMax) return refuse(431, "Too many header fields", code);
    // Beast unfolds a folded line into a buffer of its own, so its text is not in ours.
    if (!value.empty() && (value.data() < base || value.data() >= base + bytes_size)) {
      return refuse(400, "Folded header lines are not accepted", code);
    }
    const auto is_control = [](char c) {
      return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
    };
    if (std::any_of(value.begin(), value.end(), is_control)) {
      return refuse(400, "Control characters in a header field", code);
    }
    head.fields.push_back({range_of(name), range_of(value)});
    take_known_field(field, name, value, code);
  }

  void take_known_field(http::field field, BeastText name, BeastText value, ErrorCode& code) {
    switch (field) {
      case http::field::host:
        ++hosts;
        break;
      case http::field::content_type:
        head.content_type = range_of(value);
        break;
      case http::field::content_encoding:
        if (head.content_encoding.length > 0)
          return refuse(400, "Content-Encoding is given twice", code);
        head.content_encoding = range_of(value);
        break;
      case http::field::accept_encoding:
        head.accept_encoding = range_of(value);
        break;
      case http::field::content_length:
        if (has_length || !is_digits(value)) {
          return refuse(400, "Content-Length must be given once, as decimal digits", code);
        }
        has_length = true;
        for (const char c : value) {
          head.content_length = head.content_length * 10 + static_cast<std::uint64_t>(c - '0');
        }
        break;
      case http::field::transfer_encoding:
        if (has_coding) return refuse(400, "Transfer-Encoding is given twice", code);
        has_coding = true;
        is_unknown_coding = !iequals(value, "chunked");
        break;
      case http::field::expect:
        if (!iequals(value, "100-continue")) {
          return refuse(417, "Only Expect: 100-continue is known", code);
        }
        head.expects_continue = true;
        break;
      default:
        if (name.size() == 12 && iequals(name, "X-Request-Id") &&
            is_request_id({value.data(), value.size()})) {
          head.request_id = range_of(value);
        }
    }
  }

  void finish_head(ErrorCode& code) {
    if (has_length && has_coding) {
      return refuse(400, "Both Content-Length and Transfer-Encoding are given", code);
    }
    if (has_coding && head.version == 10) {
      return refuse(400, "HTTP/1.0 knows no Transfer-Encoding", code);
    }
    if (is_unknown_coding) {
      return refuse(501, "The only known Transfer-Encoding is chunked", code);
    }
    if (hosts > 1 || (hosts == 0 && head.version == 11)) {
      return refuse(400, "A request needs exactly one Host field", code);
    }
    head.is_chunked = has_coding;
    head.is_keep_alive = beast->keep_alive();
    if (head.version == 10) head.expects_continue = false;
  }

  Step failed(const ErrorCode& code) {
    if (!is_refused) refusal = refusal_for(code);
    return Step::kRefused;
  }
};

RequestParser::RequestParser() : machine_(std::make_unique<Machine>()) {
  machine_->reset();
}

RequestParser::~RequestParser() = default;

void RequestParser::reset() {
  machine_->reset();
}

RequestParser::Step RequestParser::parse_head(std::string_view bytes) {
  Machine& m = *machine_;
  m.base = bytes.data();
  m.bytes_size = bytes.size();
  ErrorCode code;
  m.parsed += m.beast->put(
      boost::asio::const_buffer(bytes.data() + m.parsed, bytes.size() - m.parsed), code);
  if (code == http::error::need_more) return Step::kNeedMore;
  if (code) return m.failed(code);
  if (!m.beast->is_header_done()) return Step::kNeedMore;
  m.head.length = m.parsed;
  m.is_in_trailers = true;
  return Step::kDone;
}

RequestParser::Step RequestParser::parse_chunks(std::string_view bytes, std::uint64_t body_max,
                                                std::string& body, std::size_t& consumed) {
  Machine& m = *machine_;
  m.body = &body;
  m.body_max = body_max;
  m.beast->eager(true);
  consumed = 0;
  ErrorCode code;
  consumed = m.beast->put(boost::asio::const_buffer(bytes.data(), bytes.size()), code);
  if (code && code != http::error::need_more) return m.failed(code);
  return m.beast->is_done() ? Step::kDone : Step::kNeedMore;
}

const RequestHead& RequestParser::head() const {
  return machine_->head;
}

const RequestParser::Refusal& RequestParser::refusal() const {
  return machine_->refusal;
}

}  // namespace tenure::net

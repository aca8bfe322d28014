#include "storage/objects/s3_client.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include <curl/curl.h>
#include <fmt/format.h>

#include "core/ascii_case.h"
#include "core/deleter.h"
#include "core/id.h"
#include "core/sha256.h"
#include "storage/objects/object_key.h"
#include "storage/objects/s3_retry.h"
#include "storage/objects/s3_xml.h"

namespace tenure::storage {
namespace {

/// Handles that wait for their next request, each with its open connections.
constexpr std::size_t kIdleMax = 16;

using Handle = std::unique_ptr<CURL, core::Deleter<curl_easy_cleanup>>;
using HeaderList = std::unique_ptr<curl_slist, core::Deleter<curl_slist_free_all>>;

/// What the callbacks of a transfer fill.
struct Incoming {
  S3Answer answer;
  std::size_t body_max = 0;
  bool is_too_long = false;
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* context) {
  auto& incoming = *static_cast<Incoming*>(context);
  const std::size_t bytes = size * count;
  if (bytes > incoming.body_max - incoming.answer.body.size()) {
    incoming.is_too_long = true;
    return 0;
  }
  incoming.answer.body.append(data, bytes);
  return bytes;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* context) {
  auto& incoming = *static_cast<Incoming*>(context);
  std::string_view line(data, size * count);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) incoming.answer.headers.clear();  // after an interim answer
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return size * count;
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(), core::ascii_lower);
  std::string_view value = line.substr(colon + 1);
  while (value.starts_with(' ')) value.remove_prefix(1);
  incoming.answer.headers.emplace_back(std::move(name), value);
  return size * count;
}

core::Micros http_time(std::string_view text) {
  const std::time_t seconds = curl_getdate(std::string(text).c_str(), nullptr);
  return seconds < 0 ? 0 : core::Micros{seconds} * core::kMicrosPerSecond;
}

/// Fills in what the body says; an answer of other make than S3's is left as it is.
void read_error_body(S3Answer& answer) {
  if (answer.body.empty()) return;
  const auto error = parse_xml(answer.body);
  if (!error || error->name != "Error") return;
  answer.error_code = error->child_text("Code");
  answer.error_message = error->child_text("Message");
}

/// The region that an answer sends us to; "" when it is not about that.
std::string region_told(const S3Answer& answer) {
  const bool is_elsewhere = answer.status == 301 ||
                            answer.error_code == "AuthorizationHeaderMalformed" ||
                            answer.error_code == "PermanentRedirect";
  if (!is_elsewhere && answer.status != 400) return {};
  if (const auto region = answer.header("x-amz-bucket-region"); !region.empty())
    return std::string(region);
  if (!is_elsewhere) return {};
  const auto error = parse_xml(answer.body);
  return error ? std::string(error->child_text("Region")) : std::string();
}

struct Failure {
  core::Error error;
  bool was_timeout = false;
  bool is_passing = true;
};

struct Attempt {
  S3Answer answer;
  std::optional<Failure> failure;
};

}  // namespace

std::string_view S3Answer::header(std::string_view name) const {
  for (const auto& [known, value] : headers)
    if (known == name) return value;
  return {};
}

core::Micros S3Answer::modified() const {
  return http_time(header("last-modified"));
}

struct S3Client::State {
  S3Options options;
  std::shared_ptr<const core::Clock> clock;
  S3Retries retries;
  std::atomic<core::Micros> clock_offset{0};
  mutable std::mutex mutex;
  std::string region;        ///< guarded; what the server told, or the options
  std::vector<Handle> idle;  ///< guarded

  State(S3Options given, std::shared_ptr<const core::Clock> given_clock)
      : options(std::move(given)),
        clock(std::move(given_clock)),
        retries(options.attempts, core::id_bits()),
        region(options.region) {}
  ~State() {
    idle.clear();
    curl_global_cleanup();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Handle borrow() {
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        Handle handle = std::move(idle.back());
        idle.pop_back();
        return handle;
      }
    }
    return Handle(curl_easy_init());
  }
  void give_back(Handle handle) {
    curl_easy_reset(handle.get());  // the connections stay
    const std::lock_guard lock(mutex);
    if (idle.size() < kIdleMax) idle.push_back(std::move(handle));
  }

  std::string current_region() const {
    const std::lock_guard lock(mutex);
    return region;
  }

  S3Scope scope() const { return {clock->now() + clock_offset, current_region()}; }

  std::string_view scheme() const {
    return std::string_view(options.endpoint).substr(0, options.endpoint.find("://") + 3);
  }

  /// The unsigned request; `host` replaces the usual one.
  S3Message message(const S3Call& call, std::string_view host) const {
    S3Message made{.method = call.method, .host = {}, .path = "/"};
    made.query = call.query;
    made.headers = call.headers;
    made.host = options.endpoint.substr(scheme().size());
    if (options.is_path_style) {
      made.path += options.bucket;
      if (!call.key.empty()) made.path += "/";
    } else {
      made.host.insert(0, options.bucket + ".");
    }
    made.path += call.key;
    if (!host.empty()) made.host = host;
    return made;
  }

  Attempt send(const S3Call& call, std::string_view host);
  Failure describe(const S3Call& call, CURLcode code, const Incoming& incoming) const;
  bool adapts_to(const S3Answer& answer, std::string& host);
};

Failure S3Client::State::describe(const S3Call& call, CURLcode code,
                                  const Incoming& incoming) const {
  const std::string what =
      fmt::format("{} s3://{}/{} at {}", call.method, options.bucket, call.key, options.endpoint);
  if (incoming.is_too_long) {
    return {
        core::Error{core::ErrorCode::kResourceExhausted,
                    fmt::format("{}: the answer is longer than {} bytes", what, incoming.body_max)},
        false, false};
  }
  const bool was_timeout = code == CURLE_OPERATION_TIMEDOUT;
  const bool is_certain = code == CURLE_PEER_FAILED_VERIFICATION ||
                          code == CURLE_SSL_CACERT_BADFILE || code == CURLE_URL_MALFORMAT ||
                          code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_OUT_OF_MEMORY;
  return {
      core::Error{was_timeout ? core::ErrorCode::kDeadlineExceeded : core::ErrorCode::kUnavailable,
                  fmt::format("{}: {}", what, curl_easy_strerror(code))},
      was_timeout, !is_certain};
}

Attempt S3Client::State::send(const S3Call& call, std::string_view host) {
  S3Message signed_message = message(call, host);
  sign_s3_headers(signed_message, options.credentials, scope(), core::sha256_hex(call.body));
  std::string url = fmt::format("{}{}{}", scheme(), signed_message.host,
                                percent_encode_path(signed_message.path));
  if (!signed_message.query.empty()) url += "?" + s3_canonical_query(signed_message.query);

  HeaderList headers;
  const auto add = [&](const std::string& line) {
    headers.reset(curl_slist_append(headers.release(), line.c_str()));
  };
  add("Expect:");  // no round trip before the body
  if (std::ranges::none_of(signed_message.headers,
                           [](const auto& header) { return header.first == "content-type"; }))
    add("Content-Type:");
  for (const auto& [name, value] : signed_message.headers) add(fmt::format("{}: {}", name, value));

  Handle handle = borrow();
  if (!handle) {
    return {{},
            Failure{core::Error{core::ErrorCode::kResourceExhausted, "no memory for a request"},
                    false, false}};
  }
  Incoming incoming;
  incoming.body_max = call.answer_max;
  CURL* const curl = handle.get();
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.connect_seconds));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stalled_seconds));
  if (!options.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, options.ca_file.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &incoming);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &incoming);
  if (call.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  } else if (call.method == "PUT" || call.method == "POST") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call.body.empty() ? "" : call.body.data());
  }
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  give_back(std::move(handle));
  if (code != CURLE_OK) return {{}, describe(call, code, incoming)};
  incoming.answer.status = static_cast<int>(status);
  if (!incoming.answer.is_success()) read_error_body(incoming.answer);
  return {std::move(incoming.answer), std::nullopt};
}

/// Whether the answer told something by which the same request will succeed; remembers that.
bool S3Client::State::adapts_to(const S3Answer& answer, std::string& host) {
  if (answer.error_code == "RequestTimeTooSkewed") {
    const core::Micros now_there = http_time(answer.header("date"));
    if (now_there == 0) return false;
    clock_offset = now_there - clock->now();
    return true;
  }
  if (answer.status == 307) {
    const std::string_view location = answer.header("location");
    if (!location.starts_with(scheme())) return false;
    host = location.substr(scheme().size());
    host.resize(std::min(host.find_first_of("/?"), host.size()));
    return !host.empty() && host.find('@') == std::string::npos;
  }
  std::string told = region_told(answer);
  const std::lock_guard lock(mutex);
  if (told.empty() || told == region) return false;
  region = std::move(told);
  return true;
}

S3Client::S3Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
S3Client::~S3Client() = default;

core::Result<std::unique_ptr<S3Client>> S3Client::open(S3Options options,
                                                       std::shared_ptr<const core::Clock> clock) {
  // Counted by the library, so each client may come and go.
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    return core::Error{core::ErrorCode::kInternal, "libcurl cannot be set up"};
  return std::unique_ptr<S3Client>(
      new S3Client(std::make_unique<State>(std::move(options), std::move(clock))));
}

const S3Options& S3Client::options() const {
  return state_->options;
}

core::Result<S3Answer> S3Client::call(const S3Call& call) {
  int adaptations_left = 2;
  std::string host;
  for (int attempt = 1;;) {
    Attempt made = state_->send(call, host);
    if (!made.failure) {
      if (made.answer.is_success()) state_->retries.succeeded(attempt);
      if (!made.answer.is_success() && adaptations_left > 0 &&
          state_->adapts_to(made.answer, host)) {
        --adaptations_left;
        continue;
      }
      if (!is_passing_s3_failure(made.answer.status, made.answer.error_code))
        return std::move(made.answer);
    }
    const bool is_passing = !made.failure || made.failure->is_passing;
    const core::Micros pause =
        is_passing ? state_->retries.pause_after(attempt, made.failure && made.failure->was_timeout)
                   : -1;
    if (pause < 0) {
      if (made.failure) return std::move(made.failure->error);
      return std::move(made.answer);
    }
    if (state_->options.wait) {
      state_->options.wait(pause);
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(pause));
    }
    ++attempt;
  }
}

core::Error S3Client::error_of(const S3Call& call, const S3Answer& answer) const {
  using core::ErrorCode;
  struct Row {
    int status;
    ErrorCode code;
  };
  constexpr auto kByStatus = std::to_array<Row>({{400, ErrorCode::kInvalidArgument},
                                                 {401, ErrorCode::kPermissionDenied},
                                                 {403, ErrorCode::kPermissionDenied},
                                                 {404, ErrorCode::kNotFound},
                                                 {409, ErrorCode::kConflict},
                                                 {412, ErrorCode::kConflict},
                                                 {501, ErrorCode::kUnimplemented},
                                                 {507, ErrorCode::kResourceExhausted}});
  ErrorCode code = ErrorCode::kUnavailable;
  for (const Row& row : kByStatus)
    if (row.status == answer.status) code = row.code;
  // Not an object that is missing, but a store that is not there.
  if (answer.error_code == "NoSuchBucket") code = ErrorCode::kUnavailable;
  std::string why = answer.error_code.empty()
                        ? fmt::format("HTTP status {}", answer.status)
                        : fmt::format("{} ({})", answer.error_code, answer.error_message);
  if (answer.status == 404 && call.method == "HEAD") why = "no such key";
  return core::Error{
      code, fmt::format("{} s3://{}/{} at {}: {}", call.method, state_->options.bucket, call.key,
                        state_->options.endpoint, why)};
}

std::string S3Client::presigned_url(std::string_view method, std::string_view key,
                                    int seconds) const {
  const S3Call call{.method = std::string(method), .key = std::string(key)};
  return fmt::format("{}{}{}", state_->scheme(), state_->message(call, {}).host,
                     presign_s3_target(state_->message(call, {}), state_->options.credentials,
                                       state_->scope(), seconds));
}

}  // namespace tenure::storage

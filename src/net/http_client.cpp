#include "net/http_client.h"

#include <algorithm>
#include <memory>
#include <new>

#include <curl/curl.h>
#include <fmt/format.h>

#include "core/deleter.h"

namespace tenure::net {
namespace {

/// The library counts who uses it; safe from any thread since 7.84.
struct Library {
  Library() : is_ready(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {}
  ~Library() {
    if (is_ready) curl_global_cleanup();
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  const bool is_ready;
};

using Handle = std::unique_ptr<CURL, core::Deleter<curl_easy_cleanup>>;
using HeaderList = std::unique_ptr<curl_slist, core::Deleter<curl_slist_free_all>>;
using Url = std::unique_ptr<CURLU, core::Deleter<curl_url_cleanup>>;

/// What the callbacks of a request fill and look at.
struct Transfer {
  const ClientRequest& request;
  ClientAnswer answer;
  bool is_too_long = false;
  bool has_no_memory = false;
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::size_t bytes = size * count;
  if (bytes > transfer.request.answer_max - transfer.answer.body.size()) {
    transfer.is_too_long = true;
    return 0;
  }
  try {
    transfer.answer.body.append(data, bytes);
  } catch (const std::bad_alloc&) {  // must not leave through the library
    transfer.has_no_memory = true;
    return 0;
  }
  return bytes;
}

int look_up_cancel(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto* const flag = static_cast<Transfer*>(context)->request.is_cancelled;
  return flag != nullptr && flag->load(std::memory_order_relaxed) ? 1 : 0;
}

std::string host_of(const std::string& url) {
  const Url parsed(curl_url());
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return {};
  char* text = nullptr;
  if (curl_url_get(parsed.get(), CURLUPART_HOST, &text, 0) != CURLUE_OK) return {};
  std::string host(text);
  curl_free(text);
  return host;
}

bool is_this_machine(std::string_view host) {
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

core::Error describe(const Transfer& transfer, CURLcode code) {
  using core::ErrorCode;
  const std::string what =
      fmt::format("{} {}", transfer.request.method, shown_url(transfer.request.url));
  const auto error = [&](ErrorCode kind, std::string_view why) {
    return core::Error{kind, fmt::format("{}: {}", what, why)};
  };
  if (transfer.is_too_long)
    return error(ErrorCode::kResourceExhausted,
                 fmt::format("the answer is longer than {} bytes", transfer.request.answer_max));
  if (transfer.has_no_memory || code == CURLE_OUT_OF_MEMORY)
    return error(ErrorCode::kResourceExhausted, "no memory for the answer");
  const std::string_view why = curl_easy_strerror(code);
  if (code == CURLE_ABORTED_BY_CALLBACK) return error(ErrorCode::kCancelled, "cancelled");
  if (code == CURLE_OPERATION_TIMEDOUT)
    return error(ErrorCode::kDeadlineExceeded,
                 fmt::format("no answer within {} ms", transfer.request.timeout / 1000));
  const bool is_callers = code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ||
                          code == CURLE_SSL_CACERT_BADFILE;
  return error(is_callers ? ErrorCode::kInvalidArgument : ErrorCode::kUnavailable, why);
}

}  // namespace

std::string shown_url(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const std::string_view rest = url.substr(scheme + 3);
  const std::size_t path = std::min(rest.find('/'), rest.size());
  const std::size_t user = rest.substr(0, path).rfind('@');
  return fmt::format("{}{}", url.substr(0, scheme + 3),
                     user == std::string_view::npos ? rest : rest.substr(user + 1));
}

core::Result<ClientAnswer> send_request(const ClientRequest& request) {
  const Library library;
  const Handle handle(library.is_ready ? curl_easy_init() : nullptr);
  if (!handle) return core::Error{core::ErrorCode::kResourceExhausted, "no memory for a request"};
  Transfer transfer{.request = request, .answer = {}};
  HeaderList headers;
  const auto add = [&](const std::string& line) {
    headers.reset(curl_slist_append(headers.release(), line.c_str()));
  };
  add("Expect:");  // no round trip before the body
  for (const auto& [name, value] : request.headers) add(fmt::format("{}: {}", name, value));
  CURL* const curl = handle.get();
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(std::max<core::Micros>(request.timeout / 1000, 1)));
  if (!request.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, request.ca_file.c_str());
  if (is_this_machine(host_of(request.url))) curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_up_cancel);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  if (request.method == "POST" || !request.body.empty()) {
    if (std::ranges::none_of(request.headers,
                             [](const auto& header) { return header.first == "Content-Type"; }))
      add("Content-Type: application/json");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) return describe(transfer, code);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  transfer.answer.status = static_cast<int>(status);
  return std::move(transfer.answer);
}

}  // namespace tenure::net

#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace tenure::net {

/// A request to another server.
struct ClientRequest {
  std::string method = "GET";
  std::string url;  ///< http:// or https://
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};  ///< sent where it is not empty
  /// PEM file with the certificates that are trusted, in place of the system's.
  std::string ca_file = {};
  core::Micros timeout = 30 * core::kMicrosPerSecond;  ///< for all of it
  std::size_t answer_max = std::size_t{16} << 20;      ///< bytes of the answer's body
  /// Ends the request within about a second once it is set; may be null.
  const std::atomic<bool>* is_cancelled = nullptr;
};

struct ClientAnswer {
  int status = 0;
  std::string body;
};

/// Sends a request and waits for the answer, whatever its status; redirections are answers, too.
/// Certificates are checked. Proxies are those of the environment (https_proxy, no_proxy), and none
/// for this machine. Errors: kInvalidArgument for a URL that is none; kUnavailable when nobody
/// answers, or not as HTTP; kDeadlineExceeded; kResourceExhausted for a long answer; kCancelled.
/// Messages have the URL without what may be secret in it. Threads: safe to call concurrently.
core::Result<ClientAnswer> send_request(const ClientRequest& request);

/// A URL as messages show it: without user, password, query and fragment.
std::string shown_url(std::string_view url);

}  // namespace tenure::net

#pragma once

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <poll.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

namespace tenure::storage::testing {

/// An HTTP server that gives prepared answers, one for each request, also wrong ones: for faults
/// that a real server cannot be made to have. One connection at a time.
class HttpDouble {
 public:
  static constexpr const char* kCut = "";        ///< closes the connection without an answer
  static constexpr const char* kSilent = "...";  ///< never answers

  explicit HttpDouble(std::deque<std::string> answers) : answers_(std::move(answers)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const name = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, name, size) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, name, &size) != 0)
      std::abort();
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~HttpDouble() {
    stop_ = true;
    thread_.join();
    ::close(listener_);
  }
  HttpDouble(const HttpDouble&) = delete;
  HttpDouble& operator=(const HttpDouble&) = delete;

  std::string address() const { return "http://127.0.0.1:" + std::to_string(port_); }

  /// The requests so far, whole, as they came.
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  /// An answer with this body.
  static std::string answer(std::string_view status, std::string_view body,
                            std::string_view headers = {}) {
    return "HTTP/1.1 " + std::string(status) +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(headers) +
           "\r\n" + std::string(body);
  }

 private:
  bool is_ready(int descriptor) const {
    while (!stop_) {
      pollfd waiting{descriptor, POLLIN, 0};
      if (::poll(&waiting, 1, 20) > 0) return true;
    }
    return false;
  }

  void serve() {
    while (is_ready(listener_)) {
      const int connection = ::accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      std::string received;
      while (answer_one(connection, received)) {
      }
      ::close(connection);
    }
  }

  static std::size_t length_of(const std::string& head) {
    std::string lower = head;
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
    const std::size_t at = lower.find("\r\ncontent-length:");
    return at == std::string::npos ? 0 : std::strtoul(lower.c_str() + at + 17, nullptr, 10);
  }

  /// False once the connection is to be closed.
  bool answer_one(int connection, std::string& received) {
    std::size_t whole = 0;
    while (whole == 0 || received.size() < whole) {
      const std::size_t head = received.find("\r\n\r\n");
      if (head != std::string::npos) whole = head + 4 + length_of(received.substr(0, head));
      if (whole != 0 && received.size() >= whole) break;
      char buffer[4096];
      if (!is_ready(connection)) return false;
      const ssize_t n = ::recv(connection, buffer, sizeof buffer, 0);
      if (n <= 0) return false;
      received.append(buffer, static_cast<std::size_t>(n));
    }
    std::string answer = kCut;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(received.substr(0, whole));
      if (!answers_.empty()) {
        answer = answers_.front();
        answers_.pop_front();
      }
    }
    received.erase(0, whole);
    if (answer == kSilent) {
      if (is_ready(connection)) return false;
    }
    if (answer.empty() || answer == kSilent) return false;
    return ::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(answer.size());
  }

  std::deque<std::string> answers_;    ///< guarded
  std::vector<std::string> requests_;  ///< guarded
  mutable std::mutex mutex_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace tenure::storage::testing

#pragma once

#include <cstdint>
#include <map>
#include <poll.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace tenure::net {

/// For tests: a client that sends bytes as they are, right or wrong, and reads what comes. Waits at
/// most 20 seconds for anything, so a broken server fails a test and does not hang it.
class TestClient {
 public:
  explicit TestClient(std::uint16_t port, int receive_buffer = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) {
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    is_connected_ =
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~TestClient() { close(); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  bool is_connected() const { return is_connected_; }
  int handle() const { return socket_; }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  void shut_down_sending() { ::shutdown(socket_, SHUT_WR); }

  /// Closes with a reset instead of a handshake, as a crashed client does.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }

  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }

  struct Answer {
    int status = 0;  ///< 0: the connection ended before a whole answer came
    std::map<std::string, std::string> headers;  ///< names in lower case
    std::string body;
  };

  /// Reads one answer. `has_body` false: as for HEAD.
  Answer read_answer(bool has_body = true) {
    Answer answer;
    std::size_t end = std::string::npos;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive()) return answer;
    }
    parse_head(std::string_view(buffer_).substr(0, end + 2), answer);
    buffer_.erase(0, end + 4);
    if (answer.status == 100 || answer.status == 204 || answer.status == 304 || !has_body) {
      return answer;
    }
    const std::size_t length = std::stoul("0" + answer.headers["content-length"]);
    while (buffer_.size() < length) {
      if (!receive()) return Answer{};
    }
    answer.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    return answer;
  }

  Answer ask(std::string_view request) {
    if (!send(request)) return {};
    return read_answer();
  }

  /// Everything until the server closes.
  std::string read_all() {
    while (receive()) {
    }
    return std::exchange(buffer_, {});
  }

  /// True when the server has closed and nothing unread is left.
  bool is_closed_by_server() { return buffer_.empty() && !receive(); }

  /// True when bytes, or the end of the connection, have come; does not wait.
  bool has_input() {
    pollfd waiting{socket_, POLLIN, 0};
    return !buffer_.empty() || ::poll(&waiting, 1, 0) > 0;
  }

  /// One recv call; how many it gave tells how answers were written.
  std::size_t receive_once() {
    const std::size_t before = buffer_.size();
    return receive() ? buffer_.size() - before : 0;
  }
  const std::string& buffered() const { return buffer_; }
  std::string take_buffered() { return std::exchange(buffer_, {}); }

 private:
  bool receive() {
    pollfd waiting{socket_, POLLIN, 0};
    if (::poll(&waiting, 1, 20'000) <= 0) return false;
    char bytes[64 * 1024];
    const ssize_t n = ::recv(socket_, bytes, sizeof bytes, 0);
    if (n <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }

  static void parse_head(std::string_view head, Answer& answer) {
    if (head.size() > 12 && head.starts_with("HTTP/1.1 ")) {
      answer.status = std::stoi(std::string(head.substr(9, 3)));
    }
    head.remove_prefix(head.find("\r\n") + 2);
    while (!head.empty()) {
      const std::string_view line = head.substr(0, head.find("\r\n"));
      head.remove_prefix(line.size() + 2);
      const std::size_t colon = line.find(": ");
      if (colon == std::string_view::npos) continue;
      std::string name(line.substr(0, colon));
      for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      answer.headers[name] = std::string(line.substr(colon + 2));
    }
  }

  int socket_;
  bool is_connected_ = false;
  std::string buffer_;
};

}  // namespace tenure::net

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/config.h"
#include "core/json.h"
#include "core/result.h"
#include "net/http_client.h"

namespace tenure::app {

/// Where a running server is, and what it is asked with.
struct ServerAddress {
  std::string url;  ///< "http://127.0.0.1:8000"
  std::string token = {};
  std::string ca_file = {};
};

/// What a command line says of it; what is not given is found elsewhere.
struct ServerChoice {
  std::optional<std::string> url;         ///< --server
  std::optional<std::string> token_file;  ///< --token-file
  std::optional<std::string> ca_file;     ///< --ca-file
};

/// The server that a command is for: `--server`, else the variable TENURE_SERVER, else where the
/// project file says that its server listens (of all addresses, this machine's). The token: the
/// file's content, else TENURE_TOKEN, else none. Errors: those of the project file, where it is
/// needed; kInvalidArgument for a URL or a port that says nothing; those of the token's file.
core::Result<ServerAddress> find_server(const core::ConfigSource& source,
                                        const ServerChoice& choice);

/// Asks the server; `body` null sends none. Errors: what the server answers as an error, by its
/// status, and that there is none (kUnavailable).
core::Result<core::Json> ask_server(const ServerAddress& server, std::string_view method,
                                    std::string_view path, const core::Json& body = nullptr);

}  // namespace tenure::app

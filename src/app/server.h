#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "app/project.h"
#include "core/result.h"

namespace tenure::app {

/// What `tenure up` tells once it answers.
struct ServerFacts {
  std::string address;  ///< "http://127.0.0.1:8000"
  std::string grpc;     ///< "127.0.0.1:8001"; "" = off
  std::string model;
  std::int64_t version = 0;  ///< 0 = no model is promoted yet
  std::string not_ready;     ///< why no model is live; "" if one is
};

/// The server: every API in one process. Listens, serves the model the alias points to, follows the
/// alias, and on SIGTERM or SIGINT drains and returns. `on_ready` is called once, when the port
/// answers. Errors: the port is in use; others can reach the address, and there are neither tokens
/// nor serving.insecure; the stores do not open.
core::Result<> run_server(Project& project,
                          const std::function<void(const ServerFacts&)>& on_ready);

}  // namespace tenure::app

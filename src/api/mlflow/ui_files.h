#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "core/result.h"
#include "net/router.h"

namespace tenure::api::mlflow {

/// A build of MLflow's web page, read from a folder: its start page and the files that it loads.
/// Thread-safe.
class UiFiles {
 public:
  explicit UiFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// GET /: index.html, never cached.
  void answer_index(net::Response& response) const;

  /// GET /static-files/{path*}: a file below the folder, cached for four weeks. Names that would
  /// lead out of the folder, also by a link, are 404 like those that do not exist.
  void answer_file(std::string_view path, net::Response& response) const;

 private:
  core::Result<std::string> read(std::string_view path) const;

  std::filesystem::path folder_;
};

}  // namespace tenure::api::mlflow

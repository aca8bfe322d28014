#pragma once

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <grp.h>
#include <memory>
#include <pwd.h>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "storage/sql/database.h"
#include "storage/testing/temporary_folder.h"

namespace tenure::storage::testing {

/// A PostgreSQL server of this test program, in a temporary folder, reached by a socket there. It
/// ends with the program. PostgreSQL refuses root, so root starts it as another user.
class PostgresqlServer {
 public:
  static constexpr const char* kMissing =
      "PostgreSQL's server is not installed (Debian package postgresql)";
  static constexpr const char* kPassword = "a secret/@word";

  /// The server all tests of a program share, started by the first; nullptr when the package is
  /// missing. Call it before forking.
  static PostgresqlServer* shared() {
    static const std::unique_ptr<PostgresqlServer> server = make();
    return server.get();
  }

  ~PostgresqlServer() { stop(); }
  PostgresqlServer(const PostgresqlServer&) = delete;
  PostgresqlServer& operator=(const PostgresqlServer&) = delete;

  /// The URL of a schema, which is as good as a database of its own.
  std::string url(const std::string& schema) const {
    return "postgresql://tenure:a%20secret%2F%40word@/postgres?host=" + folder_.path().string() +
           "&options=-csearch_path%3D" + schema;
  }

  static std::string schema_of(const std::filesystem::path& folder) {
    std::string schema = folder.filename().string();
    for (char& c : schema) c = c == '-' || c == '.' ? '_' : c;
    return schema;
  }

  /// Opens the schema that belongs to a folder, making it when it is not there.
  core::Result<std::unique_ptr<Database>> open(const std::filesystem::path& folder) const {
    const std::string schema = schema_of(folder);
    auto database = open_database(url(schema), "");
    if (!database) return database;
    auto made = (*database)->execute("CREATE SCHEMA IF NOT EXISTS " + schema);
    if (!made) return std::move(made).error();
    return database;
  }

  /// Starts it again after stop().
  bool start() {
    server_ = spawn({binary("postgres"), "-D", data(), "-k", folder_.path().string(), "-c",
                     "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200"});
    int status = 0;
    while (server_ > 0 && ::waitpid(server_, &status, WNOHANG) == 0) {
      std::ifstream state(data() + "/postmaster.pid");
      std::stringstream text;
      text << state.rdbuf();
      if (text.str().find("ready") != std::string::npos) return true;
      ::usleep(5000);
    }
    server_ = -1;
    return false;
  }

  /// At once, as in a crash; waits until it is gone.
  void stop() {
    if (server_ <= 0) return;
    ::kill(server_, SIGQUIT);
    int status = 0;
    ::waitpid(server_, &status, 0);
    server_ = -1;
  }

 private:
  PostgresqlServer() = default;

  static std::unique_ptr<PostgresqlServer> make() {
    std::unique_ptr<PostgresqlServer> server(new PostgresqlServer);
    return server->initialise() && server->start() ? std::move(server) : nullptr;
  }

  bool initialise() {
    std::error_code status;
    for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", status)) {
      if (std::filesystem::exists(version.path() / "bin/initdb", status))
        programs_ = (version.path() / "bin").string();
    }
    if (programs_.empty()) return false;
    std::ofstream(password_file()) << kPassword << '\n';
    if (::geteuid() == 0) {
      const struct passwd* user = ::getpwnam("postgres");
      if (user == nullptr) user = ::getpwnam("nobody");
      if (user == nullptr) return false;
      user_ = user->pw_uid;
      group_ = user->pw_gid;
      for (const std::string& path : {folder_.path().string(), password_file()}) {
        if (::chown(path.c_str(), user_, group_) != 0) return false;
      }
    }
    const pid_t made =
        spawn({binary("initdb"), "-D", data(), "-U", "tenure", "--pwfile=" + password_file(),
               "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"});
    int result = 0;
    return made > 0 && ::waitpid(made, &result, 0) == made && result == 0;
  }

  pid_t spawn(const std::vector<std::string>& command) const {
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child != 0) return child;
    const int log = ::open((folder_.path() / "log").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0666);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    if (::geteuid() == 0 &&
        (::setgroups(0, nullptr) != 0 || ::setgid(group_) != 0 || ::setuid(user_) != 0))
      ::_exit(126);
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);  // also when the tests are killed
    if (::getppid() != parent || ::chdir("/") != 0) ::_exit(126);
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    ::execv(words.front(), words.data());
    ::_exit(127);
  }

  std::string binary(const std::string& name) const { return programs_ + "/" + name; }
  std::string data() const { return (folder_.path() / "data").string(); }
  std::string password_file() const { return (folder_.path() / "password").string(); }

  TemporaryFolder folder_;
  std::string programs_;
  uid_t user_ = 0;
  gid_t group_ = 0;
  pid_t server_ = -1;
};

}  // namespace tenure::storage::testing

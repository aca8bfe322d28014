#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"
#include "data/sql_function.h"
#include "data/table.h"

namespace tenure::data {

struct EngineOptions {
  std::string path;                 ///< database file; empty = in memory
  std::filesystem::path temporary;  ///< where larger-than-memory work spills; empty = the system's
  /// What is more goes to the temporary folder. 0 = 1 GB and 256 MB for each thread, and no more
  /// than 80 % of the memory there is.
  std::uint64_t memory_limit_bytes = 0;
  unsigned threads = 0;  ///< 0 = all cores
  /// Outlives the engine. From when it is true on, the statement that runs and every later one
  /// gives kCancelled. null = nobody cancels.
  const std::atomic<bool>* is_cancelled = nullptr;
};

/// The SQL engine for bulk work: DuckDB through its C API. Time zone UTC, insertion order kept, no
/// extension is ever downloaded. One Engine may be used by one thread at a time; make another for
/// another thread. Never a static: DuckDB's state of the main thread ends before statics do, and
/// closing a database needs it.
class Engine {
 public:
  static core::Result<std::unique_ptr<Engine>> open(const EngineOptions& options = {});
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Runs statements, separated by ';'; drops their results.
  /// Errors: kInvalidArgument (syntax, unknown column, conversion, with DuckDB's text), kNotFound
  /// (no such file), kResourceExhausted (memory limit, disk full), kCancelled (interrupt, or the
  /// flag of the options), kCorruption (damaged file).
  core::Result<> execute(std::string_view sql);

  /// Runs one query and returns the whole answer. SQL types become: BOOLEAN kBoolean; integers
  /// (HUGEINT by value) kInteger; FLOAT, DOUBLE, DECIMAL kNumber; VARCHAR, ENUM, UUID, and
  /// everything else as text kText; DATE and TIMESTAMP with or without zone kTimestamp.
  core::Result<Table> query(std::string_view sql);
  /// The first `row_limit` rows of the answer; the engine stops when it has made them, so an answer
  /// may be larger than memory.
  core::Result<Table> query(std::string_view sql, std::size_t row_limit);

  /// A query of one row and one column. Errors: also kInternal when the shape is another.
  core::Result<std::int64_t> query_integer(std::string_view sql);
  core::Result<std::string> query_text(std::string_view sql);

  /// Makes (or replaces) a table `name` holding the rows.
  core::Result<> create_table(std::string_view name, const Table& rows);

  /// Lets SQL call `function` by a name, with one argument for each parameter: kText as VARCHAR,
  /// all others as DOUBLE. It stays until the engine is closed, and so must what it uses. Errors:
  /// kInternal for a name that the engine does not take.
  core::Result<> add_function(const std::string& name, std::span<const ColumnType> parameters,
                              RowFunction function);

  /// Stops the statement that runs in another thread: it returns kCancelled. Safe from any thread.
  void interrupt();

 private:
  struct State;
  explicit Engine(std::unique_ptr<State> state);
  core::Result<> limit_memory();
  std::unique_ptr<State> state_;
};

std::string quote_identifier(std::string_view name);  ///< "a""b": safe in SQL text
std::string quote_text(std::string_view text);        ///< 'a''b'

}  // namespace tenure::data

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/sql/database.h"
#include "tracking/search/vocabulary.h"

namespace tenure::tracking {

/// A query under construction: text with its parameters, which are bound in the order they are
/// added. Values of users only ever become parameters. The few words in which SQLite and PostgreSQL
/// differ are written here.
class Statement {
 public:
  explicit Statement(const storage::Database& database)
      : is_sqlite_(database.backend() == "sqlite") {}

  Statement& add(std::string_view text) {
    text_ += text;
    return *this;
  }
  Statement& bind(std::string value);
  Statement& bind(std::int64_t value);  ///< as BIGINT, whatever it is compared with
  Statement& bind(double value);
  Statement& bind_list(const std::vector<std::string>& values);  ///< (:p1, :p2, ...)
  Statement& bind_list(const std::vector<std::int64_t>& values);

  /// A comparison of `column` with the value of `condition`. NULL satisfies none.
  Statement& compare(std::string_view column, const Condition& condition);

  /// A comparison of `column`, the value of a param or tag, with a text: in a form that finds it
  /// in PostgreSQL's indexes over the beginnings of values.
  Statement& compare_indexed(std::string_view column, const Condition& condition);

  /// One key of ORDER BY: missing values last, texts by their bytes. On PostgreSQL a text column
  /// is told by `is_text`.
  Statement& order(std::string_view column, bool is_ascending, bool is_text);
  Statement& order(const Attribute& attribute, bool is_ascending) {
    return order(attribute.ordered(), is_ascending, attribute.is_ordered_as_text());
  }

  /// The key of ORDER BY that makes it total: an id, which is never missing, by its bytes. Without
  /// a word on missing values an index gives this order.
  Statement& order_by_id(std::string_view column);

  /// The column, unfit for choosing an index by it. SQLite without statistics believes an index
  /// over two columns to be better than a list of primary keys.
  std::string without_index(std::string_view column) const;

  /// The ")" of EXISTS (SELECT ...). PostgreSQL would make a join of each, and plans joins of many
  /// tables for minutes; those after the first few stay a look-up for each row.
  Statement& close_exists();

  core::Result<std::vector<storage::SqlRow>> run(storage::SqlExecutor& sql) const {
    return sql.query(text_, parameters_);
  }

  core::Result<> for_each(storage::SqlExecutor& sql,
                          const storage::SqlExecutor::OnRow& on_row) const {
    return sql.for_each(text_, parameters_, on_row);
  }

 private:
  Statement& bind_value(storage::SqlValue value);
  void compare_text(std::string_view column, const Condition& condition);
  void compare_integer(std::string_view column, Comparator comparator, std::int64_t value);
  void compare_integer(std::string_view column, Comparator comparator, double value);

  bool is_sqlite_;
  int exists_ = 0;
  std::string text_;
  std::vector<storage::SqlValue> parameters_;
};

}  // namespace tenure::tracking

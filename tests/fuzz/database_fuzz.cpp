// SPDX-License-Identifier: MIT
// Files of studies as nobody writes them: the bytes choose what is done to the rows, the tables and the pages of a
// small valid one. All that programs do with a file must then work, or be an error of bluefin's; and where `db check`
// finds nothing, reading must work.
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "bluefin/database.hpp"
#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "fuzz/input.hpp"
#include "fuzz/sample.hpp"
#include "fuzz/scratch.hpp"
#include "fuzz/use_storage.hpp"

using namespace bluefin;
using fuzz::broken;
using fuzz::Input;

namespace {

constexpr std::array<const char*, 13> kTables{"trials",
                                              "trial_params",
                                              "trial_values",
                                              "trial_intermediate_values",
                                              "studies",
                                              "trial_user_attributes",
                                              "trial_system_attributes",
                                              "study_directions",
                                              "bluefin_owner",
                                              "study_user_attributes",
                                              "study_system_attributes",
                                              "trial_heartbeats",
                                              "version_info"};

constexpr std::array<const char*, 32> kTexts{
    "COMPLETE",
    "RUNNING",
    "WAITING",
    "PRUNED",
    "FAIL",
    "complete",
    "FINITE",
    "INF_POS",
    "INF_NEG",
    "NAN",
    "MINIMIZE",
    "NOT_SET",
    "2024-02-29 12:00:01.000005",
    "2024-02-30 00:00:00",
    "9999-12-31 23:59:59.999999",
    "0000-00-00",
    "",
    "{}",
    "[]",
    "null",
    "NaN",
    "[1, -Infinity]",
    "\"\\ud800\"",
    "{\"a\"",
    "v3.2.0.a",
    R"({"name": "FloatDistribution", "attributes": {"step": null, "low": -1e308, "high": 1e308, "log": false}})",
    R"({"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 9223372036854775807}})",
    R"({"name": "CategoricalDistribution", "attributes": {"choices": []}})",
    R"({"name": "CategoricalDistribution", "attributes": {"choices": [null, true, 1, 1.0, "1"]}})",
    R"({"name": "IntUniformDistribution", "attributes": {"low": -9223372036854775808, "high": 9, "step": 0}})",
    R"({"name": "DiscreteUniformDistribution", "attributes": {"low": 0, "high": 1, "q": 0.1}})",
    R"({"sampler": {"name": "tpe", "options": {"n_startup_trials": -1}}, "seed": "x"})"};

constexpr std::array<std::int64_t, 10> kIntegers{
    0, 1, -1, 2, 3, 100, 2147483647, 2147483648, -9223372036854775807LL - 1, 9223372036854775807LL};
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr std::array<double, 8> kReals{0.0, -0.0, 0.5, kInf, -kInf, 1e300, 5e-324, 9007199254740993.0};

// What is done to the schema as a whole. {} is the name of a table.
constexpr std::array<const char*, 14> kSchema{
    "DROP TABLE {}",
    "ALTER TABLE {} RENAME TO gone",
    "ALTER TABLE {} ADD COLUMN more TEXT GENERATED ALWAYS AS (hex(zeroblob(9))) VIRTUAL",
    "CREATE TRIGGER evil_{0} AFTER INSERT ON {} BEGIN DELETE FROM trials; END",
    "CREATE TRIGGER slow_{0} AFTER UPDATE ON {} BEGIN INSERT INTO studies (study_name) WITH RECURSIVE c(x) AS (SELECT "
    "1 UNION ALL SELECT x+1 FROM c LIMIT 1000000000) SELECT x FROM c; END",
    "ALTER TABLE {} RENAME TO gone; CREATE VIEW {} AS SELECT * FROM gone",
    "ALTER TABLE {} RENAME TO gone; CREATE VIEW {} AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) "
    "SELECT gone.* FROM gone, c",
    "CREATE INDEX odd_{0} ON {} (hex(zeroblob(9)))",
    "DROP INDEX bluefin_waiting; CREATE INDEX bluefin_waiting ON trials (number)",
    "DROP INDEX ix_trials_study_id",
    "PRAGMA user_version=99; PRAGMA application_id=7",
    "UPDATE alembic_version SET version_num='v2.6.0.a'",
    "DELETE FROM alembic_version; DELETE FROM version_info",
    "PRAGMA writable_schema=ON; UPDATE sqlite_master SET sql=replace(sql, 'INTEGER', 'TEXT') WHERE name='{}'; PRAGMA "
    "writable_schema=RESET"};

std::string with_name(std::string text, std::string_view name) {
  for (const std::string_view place : {"{0}", "{}"}) {
    for (auto at = text.find(place); at != std::string::npos; at = text.find(place, at + name.size())) {
      text.replace(at, place.size(), name);
    }
  }
  return text;
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The file as another program would change it. What cannot be done is not done.
class Editor {
 public:
  explicit Editor(const std::string& path) {
    if (sqlite3_open(path.c_str(), &db_) != SQLITE_OK) broken("the sample cannot be opened");
    sqlite3_limit(db_, SQLITE_LIMIT_VDBE_OP, 100'000);
    // A trigger or a view of kSchema would go on for hours; 1 ends the statement.
    sqlite3_progress_handler(
        db_, kSteps, [](void*) { return 1; }, nullptr);
  }
  Editor(const Editor&) = delete;
  Editor& operator=(const Editor&) = delete;
  ~Editor() { sqlite3_close(db_); }

  void run(const std::string& sql) { sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr); }

  std::vector<std::string> column(const std::string& sql) {
    std::vector<std::string> texts;
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) return texts;
    while (sqlite3_step(statement) == SQLITE_ROW) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
      texts.emplace_back(text == nullptr ? "" : text,
                         text == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(statement, 0)));
    }
    sqlite3_finalize(statement);
    return texts;
  }

  // `sql` with ?1, any value that the input chooses.
  void run_with_value(const std::string& sql, Input& input) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) return;
    switch (input.below(10)) {
      case 0:
        sqlite3_bind_null(statement, 1);
        break;
      case 1:
        sqlite3_bind_int64(statement, 1, kIntegers[input.below(kIntegers.size())]);
        break;
      case 2:
        sqlite3_bind_int64(statement, 1, static_cast<std::int64_t>(input.word()));
        break;
      case 3:
        sqlite3_bind_double(statement, 1, kReals[input.below(kReals.size())]);
        break;
      case 4:
        sqlite3_bind_double(statement, 1, input.real());
        break;
      case 5:
      case 6:
        sqlite3_bind_text(statement, 1, kTexts[input.below(kTexts.size())], -1, SQLITE_STATIC);
        break;
      case 7: {
        const std::string text = input.text();
        sqlite3_bind_text64(statement, 1, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
        break;
      }
      case 8: {
        const std::string text = input.text();
        sqlite3_bind_blob64(statement, 1, text.data(), text.size(), SQLITE_TRANSIENT);
        break;
      }
      default: {
        const std::string text((1 + input.below(200)) * 1000, "[x{\"0"[input.below(5)]);
        sqlite3_bind_text64(statement, 1, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
      }
    }
    sqlite3_step(statement);
    sqlite3_finalize(statement);
  }

 private:
  static constexpr int kSteps = 1'000'000;

  sqlite3* db_ = nullptr;
};

// The sample in three forms: as it is, without NOT NULL and UNIQUE, and without any key.
std::string make_file(const std::string& path, int form) {
  fuzz::make_sample("sqlite:///" + path);
  if (form > 0) {
    Editor editor(path);
    for (const char* table : kTables) {
      const std::string name = table;
      std::string sql = editor.column("SELECT sql FROM sqlite_master WHERE name='" + name + "'").at(0);
      for (const std::string_view word : {" NOT NULL", " UNIQUE "}) {
        for (auto at = sql.find(word); at != std::string::npos; at = sql.find(word, at)) {
          // UNIQUE becomes a check that a foreign tool could have made of it: always true.
          sql.replace(at, word.size(), word == " UNIQUE " ? " CHECK " : "");
        }
      }
      for (auto at = sql.find(" CHECK ("); at != std::string::npos; at = sql.find(" CHECK (", at + 1)) {
        sql.replace(at, sql.find(')', at) + 1 - at, " CHECK (1)");
      }
      editor.run("ALTER TABLE " + name + " RENAME TO old; " +
                 (form == 1 ? sql + "; INSERT INTO " + name + " SELECT * FROM old"
                            : "CREATE TABLE " + name + " AS SELECT * FROM old") +
                 "; DROP TABLE old");
    }
    if (editor.column("SELECT 1 FROM trials").size() != 10) broken("the sample could not be loosened");
  }
  return bytes_of(path);
}

const std::string& sample(std::size_t form) {
  static const std::vector<std::string> files = [] {
    std::vector<std::string> made;
    for (int i = 0; i < 3; ++i) {
      const fuzz::Scratch folder;
      made.push_back(make_file(folder.file("s.db"), i));
    }
    return made;
  }();
  return files.at(form);
}

struct Place {
  std::string table;
  std::string column;
  std::string row;  // SQL for its rowid
};

Place choose(Editor& editor, Input& input) {
  Place place;
  place.table = kTables[input.below(kTables.size())];
  const auto columns = editor.column("SELECT name FROM pragma_table_info('" + place.table + "')");
  place.column = columns.empty() ? "x" : "\"" + columns[input.below(columns.size())] + "\"";
  place.row = "(SELECT rowid FROM " + place.table + " LIMIT 1 OFFSET " + std::to_string(input.below(16)) + ")";
  return place;
}

void change(Editor& editor, Input& input) {
  const std::size_t what = input.below(12);
  const Place at = choose(editor, input);
  const std::string where = " WHERE rowid=" + at.row;
  switch (what) {
    case 0:
    case 1:
    case 2:
    case 3:
      editor.run_with_value("UPDATE " + at.table + " SET " + at.column + "=?1" + where, input);
      break;
    case 4:
      editor.run_with_value("UPDATE " + at.table + " SET " + at.column + "=?1", input);
      break;
    case 5:
      editor.run("DELETE FROM " + at.table + where);
      break;
    case 6:
      editor.run("INSERT INTO " + at.table + " SELECT * FROM " + at.table + where);
      break;
    case 7: {
      const Place from = choose(editor, input);
      editor.run("UPDATE " + at.table + " SET " + at.column + "=(SELECT " + from.column + " FROM " + from.table +
                 " WHERE rowid=" + from.row + ")" + where);
      break;
    }
    case 8: {
      // A byte of a text: broken JSON, broken words.
      const auto old = editor.column("SELECT " + at.column + " FROM " + at.table + where);
      if (old.empty() || old[0].empty()) break;
      const std::string k = std::to_string(1 + input.byte() % old[0].size());
      editor.run_with_value("UPDATE " + at.table + " SET " + at.column + "=substr(" + at.column + ", 1, " + k +
                                " - 1) || ?1 || substr(" + at.column + ", " + k + " + " +
                                std::to_string(input.below(3)) + ")" + where,
                            input);
      break;
    }
    case 9:
      editor.run_with_value("INSERT INTO " + at.table + " (" + at.column + ") VALUES (?1)", input);
      break;
    case 10:
      editor.run(with_name(kSchema[input.below(kSchema.size())], at.table));
      break;
    default:
      editor.run_with_value("PRAGMA writable_schema=ON", input);
      editor.run_with_value("UPDATE sqlite_master SET sql=?1 WHERE name='" + at.table + "'", input);
  }
}

// Bytes of the file itself.
void damage(const std::string& path, Input& input) {
  std::string bytes = bytes_of(path);
  for (std::size_t n = input.below(4); n > 0 && !bytes.empty(); --n) {
    const std::size_t at =
        (static_cast<std::size_t>(input.byte()) << 16U | static_cast<std::size_t>(input.byte()) << 8U | input.byte()) %
        bytes.size();
    bytes[at] = static_cast<char>(input.byte());
  }
  if (input.below(8) == 7) bytes.resize(bytes.size() * input.byte() / 256);
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Scratch folder;
  set_log_sink([](LogLevel, std::string_view) {});
  Input input(data, size);
  const std::size_t first = input.byte();
  folder.reset("study.db", sample(first % 3));
  const std::string path = folder.file("study.db");
  const std::string url = "sqlite:///" + path;
  {
    Editor editor(path);
    for (int n = 0; n < 12 && !input.done(); ++n) change(editor, input);
  }
  if (first >= 192) damage(path, input);
  const std::uintmax_t before = folder.size();

  bool clean = false;
  try {
    database_info(url);
    // Without the keys that Optuna's tables have, rows can be doubled in ways that no rule is about.
    clean = check_database(url).empty() && first % 3 == 0;
  } catch (const Error& e) {
    if (e.code() == ErrorCode::kInternal) broken(std::string("db: an internal error: ") + e.what());
  } catch (const std::exception& e) {
    broken(std::string("db: not one of bluefin's errors: ") + e.what());
  }
  // What copies a file reads pages, not rows: it may succeed where reading does not.
  fuzz::attempt("pack", clean, [&] { pack_database(url, folder.file("copy.db"), true); });
  fuzz::use_storage(url, clean);
  fuzz::attempt("vacuum", clean, [&] { vacuum_database(url); });
  fuzz::attempt("pack in place", clean, [&] { pack_database(url); });
  if (folder.size() > 16 * before + (std::uintmax_t{32} << 20U)) broken("the files have grown without end");
  return 0;
}

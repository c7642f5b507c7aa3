#include "formats/pickle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "base/error.hpp"
#include "base/text.hpp"
#include "formats/cursor.hpp"

namespace modelops::formats {
namespace {

constexpr std::uint64_t opcodes_max = 2'000'000;
constexpr std::size_t imports_max = 1000;
constexpr std::uint64_t streams_max = 64;
constexpr std::size_t line_bytes_max = 64 * 1024;
constexpr std::uint64_t name_bytes_max = 1024;
constexpr std::size_t memo_bytes_max = 16 * 1024 * 1024;
constexpr std::size_t memo_entries_max = 500'000;

using Text = std::optional<std::string>;

/// Leaves the scan; whatever was found before stays.
struct Stop {};

class Scanner {
 public:
  explicit Scanner(const RandomAccess& source) : in_(source, "") {}

  PickleScan run() {
    try {
      while (!in_.at_end()) {
        stream();
        if (scan_.streams == streams_max) break;
      }
      scan_.complete = in_.at_end() && scan_.streams > 0;
    } catch (const Stop&) {
    } catch (const Error& error) {
      if (error.code != ErrorCode::unprocessable) throw;  // trouble of the device, not of the file
    }
    return std::move(scan_);
  }

 private:
  void stream() {
    memo_.clear();
    recent_.clear();
    bool first = true;
    while (true) {
      if (++opcodes_ > opcodes_max) throw Stop{};
      const std::uint8_t opcode = in_.u8();
      if (first && scan_.streams > 0 && opcode != 0x80) throw Stop{};  // raw bytes follow, not another pickle
      first = false;
      if (opcode == '.') break;
      step(opcode);
    }
    ++scan_.streams;
  }

  void step(std::uint8_t opcode) {
    switch (opcode) {
      // texts: what STACK_GLOBAL takes its two names from
      case 'U':
      case 0x8C: push_text(in_.u8()); return;
      case 'T':
      case 'X': push_text(in_.u32()); return;
      case 0x8D: push_text(in_.u64()); return;
      case 'V': push(in_.line(line_bytes_max)); return;
      case 'S': {
        std::string text = in_.line(line_bytes_max);
        const bool quoted =
            text.size() >= 2 && text.front() == text.back() && (text.front() == '\'' || text.front() == '"');
        push(quoted ? Text(text.substr(1, text.size() - 2)) : std::nullopt);
        return;
      }
      // the memo
      case 0x94: remember(memo_.size()); return;
      case 'q': remember(in_.u8()); return;
      case 'r': remember(in_.u32()); return;
      case 'p': remember(index()); return;
      case 'h': recall(in_.u8()); return;
      case 'j': recall(in_.u32()); return;
      case 'g': recall(index()); return;
      // imports
      case 'c':
      case 'i': {
        const std::string module = in_.line(line_bytes_max);
        const std::string name = in_.line(line_bytes_max);
        if (!is_module(module)) throw Stop{};
        found(module, name);
        if (opcode == 'i') ++scan_.calls;
        break;
      }
      case 0x93: {
        const std::size_t n = recent_.size();
        if (n >= 2 && recent_[n - 2] && recent_[n - 1])
          found(*recent_[n - 2], *recent_[n - 1]);
        else
          add("?");
        break;
      }
      case 0x82: add(fmt::format("copyreg.extension {}", in_.u8())); break;
      case 0x83: add(fmt::format("copyreg.extension {}", in_.u16())); break;
      case 0x84: add(fmt::format("copyreg.extension {}", in_.u32())); break;
      // calls
      case 'R':
      case 'b':
      case 'o':
      case 0x81:
      case 0x92: ++scan_.calls; break;
      case 0x80: {
        const std::uint8_t protocol = in_.u8();
        if (protocol > 5) throw Stop{};
        if (scan_.streams == 0) scan_.protocol = std::max<int>(scan_.protocol, protocol);
        return;
      }
      case 0x95:
        in_.skip(8);
        return;  // FRAME
      // numbers and bytes
      case 'I':
      case 'L':
      case 'F': number_line(); break;
      case 'P': in_.line(line_bytes_max); break;
      case 'K': in_.skip(1); break;
      case 'M': in_.skip(2); break;
      case 'J': in_.skip(4); break;
      case 'G': in_.skip(8); break;
      case 'C':
      case 0x8A: in_.skip(in_.u8()); break;
      case 'B':
      case 0x8B: in_.skip(in_.u32()); break;
      case 0x8E:
      case 0x96: in_.skip(in_.u64()); break;
      // without an argument
      case '(':
      case '0':
      case '1':
      case '2':
      case 'N':
      case 'Q':
      case 'a':
      case 'd':
      case '}':
      case 'e':
      case 'l':
      case ']':
      case 's':
      case 't':
      case ')':
      case 'u':
      case 0x85:
      case 0x86:
      case 0x87:
      case 0x88:
      case 0x89:
      case 0x8F:
      case 0x90:
      case 0x91:
      case 0x97:
      case 0x98: break;
      default: throw Stop{};
    }
    recent_.clear();
  }

  void push(Text text) {
    if (text && text->size() > name_bytes_max) text.reset();
    if (recent_.size() == 2) recent_.erase(recent_.begin());
    recent_.push_back(std::move(text));
  }
  void push_text(std::uint64_t bytes) {
    if (bytes <= name_bytes_max) {
      push(in_.bytes(bytes, name_bytes_max));
    } else {
      in_.skip(bytes);
      push(std::nullopt);
    }
  }

  std::uint64_t index() {
    const auto value = parse_count(in_.line(32));
    if (!value) throw Stop{};
    return static_cast<std::uint64_t>(*value);
  }
  void remember(std::uint64_t key) {
    if (memo_.size() >= memo_entries_max) throw Stop{};
    Text top = recent_.empty() ? std::nullopt : recent_.back();
    memo_bytes_ += top ? top->size() : 0;
    if (memo_bytes_ > memo_bytes_max) top.reset();  // an import that needs it is then reported as unknown
    memo_[key] = std::move(top);
  }
  void recall(std::uint64_t key) {
    const auto entry = memo_.find(key);
    push(entry == memo_.end() ? std::nullopt : entry->second);
  }

  void number_line() {
    const std::string text = in_.line(line_bytes_max);
    if (text.empty() || text.find_first_not_of("0123456789+-.eEinfaL") != std::string::npos) throw Stop{};
  }

  static bool is_module(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
      return std::isalnum(c) || c == '_' || c == '.' || c >= 0x80;
    });
  }

  void found(std::string_view module, std::string_view name) { add(display_text(module) + " " + display_text(name)); }
  void add(std::string import) {
    if (scan_.imports.size() >= imports_max) throw Stop{};
    scan_.imports.insert(std::move(import));
  }

  Cursor in_;
  PickleScan scan_;
  std::uint64_t opcodes_ = 0;
  std::map<std::uint64_t, Text> memo_;
  std::size_t memo_bytes_ = 0;
  std::vector<Text> recent_;  // the last two values pushed, when they are texts
};

}  // namespace

PickleScan scan_pickle(const RandomAccess& source) { return Scanner(source).run(); }

bool looks_like_pickle(const RandomAccess& source) {
  if (source.size() < 2) return false;
  char head[2];
  source.read_at(0, head);
  const auto second = static_cast<unsigned char>(head[1]);
  if (static_cast<unsigned char>(head[0]) == 0x80) return second >= 1 && second <= 5;
  // Protocols 0 and 1 have no header. Damage after an import does not make the program harmless.
  const PickleScan scan = scan_pickle(source);
  return !scan.imports.empty() && (scan.calls > 0 || scan.complete);
}

bool is_ordinary_import(std::string_view import) {
  static constexpr std::string_view ordinary[] = {
      "_codecs encode",
      "collections OrderedDict",
      "numpy dtype",
      "numpy ndarray",
      "numpy.core.multiarray _reconstruct",
      "numpy.core.multiarray scalar",
      "numpy._core.multiarray _reconstruct",
      "numpy._core.multiarray scalar",
      "torch BFloat16Storage",
      "torch BoolStorage",
      "torch ByteStorage",
      "torch CharStorage",
      "torch DoubleStorage",
      "torch FloatStorage",
      "torch HalfStorage",
      "torch IntStorage",
      "torch LongStorage",
      "torch ShortStorage",
      "torch Size",
      "torch device",
      "torch._utils _rebuild_parameter",
      "torch._utils _rebuild_tensor",
      "torch._utils _rebuild_tensor_v2",
  };
  return std::find(std::begin(ordinary), std::end(ordinary), import) != std::end(ordinary);
}

}  // namespace modelops::formats

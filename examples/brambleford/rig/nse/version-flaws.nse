local http = require "http"
local json = require "json"
local shortport = require "shortport"
local stdnse = require "stdnse"
local string = require "string"
local table = require "table"
local vulns = require "vulns"

description = [[
Compares versions that a service tells of itself with a table of known flaws. It reads the file /build-info.json of a
web server (the versions of its dependencies) and the banner of an SSH server built on Paramiko. Nothing is sent that an
ordinary client would not send, so a hit means "this version is said to run here" and is reported as likely.

Argument: version-flaws.table, the path of a Lua file that returns the table (package, cve, score, vector, published,
summary, ranges of half-open version intervals).
]]

author = "The Bartizan authors"
license = "Apache-2.0"
categories = {"safe", "vuln", "version"}

local is_web = shortport.http
local is_ssh = shortport.port_or_service(22, "ssh")

portrule = function(host, port)
  return is_web(host, port) or is_ssh(host, port)
end

local function numbers(version)
  local parts = {}
  for part in string.gmatch(version, "%d+") do
    parts[#parts + 1] = tonumber(part)
  end
  return parts
end

local function older(left, right)
  local a, b = numbers(left), numbers(right)
  for position = 1, math.max(#a, #b) do
    local x, y = a[position] or 0, b[position] or 0
    if x ~= y then return x < y end
  end
  return false
end

local function affected(version, flaw)
  for _, range in ipairs(flaw.ranges) do
    if older(version, range.fixed) and not (range.from and older(version, range.from)) then
      return range.fixed
    end
  end
end

-- Returns package -> version, and where that was read.
local function components(host, port)
  if is_web(host, port) then
    local answer = http.get(host, port, "/build-info.json")
    if answer.status ~= 200 or not answer.body then return {}, nil end
    local ok, document = json.parse(answer.body)
    if not ok or type(document.dependencies) ~= "table" then return {}, nil end
    local place = string.format("/build-info.json of %s %s, built from %s", document.name, document.version, document.repository)
    return document.dependencies, place
  end
  local socket = nmap.new_socket()
  socket:set_timeout(5000)
  if not socket:connect(host, port) then return {}, nil end
  local ok, banner = socket:receive_lines(1)
  socket:close()
  local version = ok and string.match(banner, "paramiko_([%d.]+)")
  if not version then return {}, nil end
  return { paramiko = version }, "SSH banner " .. string.gsub(banner, "%s+$", "")
end

action = function(host, port)
  local path = stdnse.get_script_args(SCRIPT_NAME .. ".table")
  if not path then return nil end
  local flaws = dofile(path)
  local found, place = components(host, port)
  local report = vulns.Report:new(SCRIPT_NAME, host, port)
  local hits = {}
  for _, flaw in ipairs(flaws) do
    local version = found[flaw.package]
    local fixed = version and affected(version, flaw)
    if fixed then
      local year, month, day = string.match(flaw.published, "(%d+)-(%d+)-(%d+)")
      hits[#hits + 1] = {
        title = flaw.summary,
        state = vulns.STATE.LIKELY_VULN,
        IDS = { CVE = flaw.cve },
        scores = { CVSSv3 = string.format("%s (%s)", flaw.score, flaw.vector) },
        description = string.format("%s %s runs here; %s has the fix.", flaw.package, version, fixed),
        dates = { disclosure = { year = year, month = month, day = day } },
        check_results = { "read from " .. place },
        references = { "https://nvd.nist.gov/vuln/detail/" .. flaw.cve },
      }
    end
  end
  if #hits == 0 then return nil end
  return report:make_output(table.unpack(hits))
end

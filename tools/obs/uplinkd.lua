-- Sets the bitrate of the encoder that streams from OBS to what uplinkd advises.
--
-- uplinkd, with [encoder] control = obs, keeps a file beside its control socket with one line
-- "bitrate N", bits per second of the picture, and replaces it with each change. Load this script
-- under Tools, Scripts. Switch off "Dynamically change bitrate" in OBS (Settings, Advanced): it would
-- work against it.
--
-- When the file goes away (uplinkd was stopped), and when the stream ends, the encoder gets back the
-- bitrate that it had before.

local obs = obslua

local POLL_MS = 100
local LEAST_KBPS = 100
local MOST_KBPS = 1000000

local advice_file = ""
local before = nil -- kb/s of the encoder before we changed it
local applied = nil -- kb/s that we have set
local was_streaming = false

-- The first that is there; where none is, where a sender of one's own puts it.
local function default_file()
	local own = (os.getenv("XDG_RUNTIME_DIR") or "/run/user/1000") .. "/uplinkd/send.advice"
	local places = { own, "/run/uplinkd/send.advice", "/run/uplinkd/sender/send.advice" }

	for _, place in ipairs(places) do
		local file = io.open(place, "r")

		if file then
			file:close()
			return place
		end
	end
	return own
end

-- kb/s, or nil when there is no advice.
local function read_advice()
	local file = io.open(advice_file, "r")
	local line

	if not file then
		return nil
	end
	line = file:read("*l")
	file:close()
	local bps = line and tonumber(line:match("^bitrate (%d+)$"))
	if not bps then
		return nil
	end
	return math.max(LEAST_KBPS, math.min(MOST_KBPS, math.floor(bps / 1000)))
end

-- Calls what(encoder, settings) for the encoder that streams now; false when none does.
local function with_encoder(what)
	local output = obs.obs_frontend_get_streaming_output()
	local encoder

	if not output then
		return false
	end
	if obs.obs_output_active(output) then
		encoder = obs.obs_output_get_video_encoder(output) -- not ours to release
	end
	if encoder then
		local settings = obs.obs_encoder_get_settings(encoder)

		what(encoder, settings)
		obs.obs_data_release(settings)
	end
	obs.obs_output_release(output)
	return encoder ~= nil
end

local function apply(kbps)
	return with_encoder(function(encoder, settings)
		before = before or obs.obs_data_get_int(settings, "bitrate")
		obs.obs_data_set_int(settings, "bitrate", kbps)
		obs.obs_encoder_update(encoder, settings)
		if applied == nil then
			obs.script_log(obs.LOG_INFO,
				string.format("following %s, the encoder had %d kb/s", advice_file, before))
		end
		applied = kbps
	end)
end

local function restore()
	if before then
		local kbps = before

		with_encoder(function(encoder, settings)
			obs.obs_data_set_int(settings, "bitrate", kbps)
			obs.obs_encoder_update(encoder, settings)
		end)
		obs.script_log(obs.LOG_INFO, string.format("no advice any more, back to %d kb/s", kbps))
	end
	before = nil
	applied = nil
end

local function poll()
	local streaming = obs.obs_frontend_streaming_active()

	-- The next stream begins with the settings of OBS.
	if was_streaming and not streaming then
		before = nil
		applied = nil
	end
	was_streaming = streaming
	if not streaming then
		return
	end

	local kbps = read_advice()
	if kbps == nil then
		restore()
	elseif kbps ~= applied then
		apply(kbps)
	end
end

function script_description()
	return "Keeps the bitrate of the stream at what uplinkd advises.\n\n"
		.. "uplinkd runs on this machine with [encoder] control = obs."
end

function script_properties()
	local properties = obs.obs_properties_create()

	obs.obs_properties_add_path(properties, "advice_file", "Advice file", obs.OBS_PATH_FILE,
		"Advice of uplinkd (*.advice)", nil)
	return properties
end

function script_defaults(settings)
	obs.obs_data_set_default_string(settings, "advice_file", default_file())
end

function script_update(settings)
	advice_file = obs.obs_data_get_string(settings, "advice_file")
end

function script_load(_)
	obs.timer_add(poll, POLL_MS)
end

function script_unload()
	restore()
end

"use strict";
// What pages do besides being read. Everything is there without it, but for convenience. Nothing here makes markup of
// text: a page that is asked for once more is read by the browser, and parts of it take the place of what is here.
//
//   <time datetime data-moment>            is said in the viewer's zone
//   <button data-copy="ID" hidden>         copies the text of an element, or `data-text` where that is shown otherwise than it is
//   <form data-confirm="TEXT">             has its button once TEXT is typed into the field `confirm`
//   <form data-search="ID">                asks as one types, and renews the element ID; ID-told says how many there are
//   <… id data-with-list>                  is renewed with it
//   <input data-proposes="ADDRESS">        is told what can be written into it by the page of that address
//   <button data-add="ID">                 adds what stands in ID-add to the lines of ID
//   <… id data-live="EVENTS">              is renewed when the stream of events says something
//   <form method="post">                   is sent once, however often its button is pressed; what was typed comes back
//                                          where the session had ended, but for secrets
//   <… data-sent>                          says that the page answers a form: to come back to it does not send that again
//   <form class="theme">                   changes how the page looks, and leaves the page
(() => {
  const SEARCH_AFTER = 250;
  const RENEW_AFTER = 1000;
  const LISTEN_AGAIN_AFTER = 5000;
  const SEND_AGAIN_AFTER = 60000;
  const PATIENCE = 20000;

  const moments = (root) => {
    const to = (timeStyle) => new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle });
    const [minutes, seconds] = [to("short"), to("medium")];
    for (const time of root.querySelectorAll("time[data-moment]")) {
      const said = time.dataset.moment === "seconds" ? seconds : minutes;
      time.textContent = said.format(new Date(time.dateTime));
    }
  };

  const copies = (root) => {
    for (const button of root.querySelectorAll("button[data-copy]")) {
      button.hidden = false;
      button.addEventListener("click", async () => {
        const source = document.getElementById(button.dataset.copy);
        const label = button.textContent;
        try {
          await navigator.clipboard.writeText(button.dataset.text ?? source.textContent);
          button.textContent = "Copied";
        } catch {
          window.getSelection().selectAllChildren(source);
          button.textContent = "Selected";
        }
        window.setTimeout(() => { button.textContent = label; }, 2000);
      });
    }
  };

  const confirms = (root) => {
    for (const form of root.querySelectorAll("form[data-confirm]")) {
      const field = form.elements.namedItem("confirm");
      const button = form.querySelector("button[type=submit]");
      const look = () => { button.disabled = field.value !== form.dataset.confirm; };
      field.addEventListener("input", look);
      look();
    }
  };

  const prepared = (root) => {
    moments(root);
    copies(root);
    confirms(root);
  };

  // What somebody is at stays as it is: the focus is in it, or something was typed or chosen and not sent.
  const changed = (one) => {
    if (one.type === "checkbox" || one.type === "radio") return one.checked !== one.defaultChecked;
    if (one.tagName === "SELECT") return [...one.options].some((choice) => choice.selected !== choice.defaultSelected && choice.selected);
    return "defaultValue" in one && one.type !== "hidden" && one.value !== one.defaultValue;
  };
  const in_use = (region) => region.contains(document.activeElement)
    || [...region.querySelectorAll("form[method=post] :is(input, select, textarea)")].some(changed);
  // What is opened stays open.
  const opened = (region) => new Set([...region.querySelectorAll("details[open] > summary")].map((one) => one.textContent));

  // Asks for a page once more, and has the elements of these ids from it. Whoever is signed out meanwhile sees so.
  const renew = (address, ids, wanted = () => true) => new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.timeout = PATIENCE;
    request.responseType = "document";
    request.setRequestHeader("Accept", "text/html");
    request.addEventListener("loadend", () => {
      // What cannot be shown says why, in the place of the list.
      const page = [200, 400].includes(request.status) && wanted() ? request.response : null;
      for (const id of page ? ids : []) {
        const old = document.getElementById(id);
        const found = page.getElementById(id);
        if (!found) {
          if (request.status === 200) window.location.reload();
          break;
        }
        if (old && !in_use(old)) {
          const renewed = document.importNode(found, true);
          const open = opened(old);
          for (const one of renewed.querySelectorAll("details")) {
            if (open.has(one.querySelector("summary")?.textContent)) one.open = true;
          }
          old.replaceWith(renewed);
          prepared(renewed);
        }
      }
      done(page);
    });
    request.send();
  });

  // Rows of another question than the one that stands in the fields are marked as such until they are renewed, and what
  // became of the question is said to those who do not see the rows.
  const searches = () => {
    for (const form of document.querySelectorAll("form[data-search]")) {
      const id = form.dataset.search;
      const told = document.getElementById(`${id}-told`);
      const say = (text) => { if (told) told.textContent = text; };
      const mark = (state) => {
        const list = document.getElementById(id);
        if (!list) return;
        list.toggleAttribute("data-stale", state !== "");
        if (state === "asked") list.setAttribute("aria-busy", "true");
        else list.removeAttribute("aria-busy");
      };
      let waiting = 0;
      let asked = 0;
      form.addEventListener("input", () => {
        window.clearTimeout(waiting);
        asked += 1;
        const number = asked;
        mark("asked");
        waiting = window.setTimeout(async () => {
          const query = new URLSearchParams(new FormData(form));
          for (const [name, value] of [...query]) {
            if (value === "") query.delete(name);
          }
          const text = query.toString();
          const address = form.getAttribute("action") + (text ? `?${text}` : "");
          // An answer that comes after a later question is of no use any more.
          const with_it = [...document.querySelectorAll("[data-with-list]")].map((one) => one.id);
          const page = await renew(address, [id, ...with_it], () => number === asked);
          if (number !== asked) return;
          if (page) {
            window.history.replaceState(null, "", address);
            mark("");
            say(page.getElementById(`${id}-told`)?.textContent ?? "");
          } else {
            mark("failed");
            say("The server gave no answer: what stands below is of what was asked for before. Press Show to ask again.");
          }
        }, SEARCH_AFTER);
      });
    }
  };

  // What can be written into a field is looked up as one types, and proposed below it; of several lines one is looked up, and
  // added to them.
  const proposes = () => {
    for (const field of document.querySelectorAll("input[data-proposes]")) {
      let waiting = 0;
      let asked = 0;
      const look = () => {
        window.clearTimeout(waiting);
        asked += 1;
        const number = asked;
        waiting = window.setTimeout(() => {
          const address = new URL(field.dataset.proposes, window.location.href);
          address.searchParams.set("q", field.value);
          const request = new XMLHttpRequest();
          request.open("GET", address);
          request.timeout = PATIENCE;
          request.responseType = "document";
          request.setRequestHeader("Accept", "text/html");
          request.addEventListener("load", () => {
            if (request.status !== 200 || number !== asked) return;
            const options = [...request.response.querySelectorAll("#named li")].map((one) => {
              const option = document.createElement("option");
              option.value = one.dataset.value;
              if (one.dataset.called) option.label = one.dataset.called;
              return option;
            });
            field.list.replaceChildren(...options);
          });
          request.send();
        }, SEARCH_AFTER);
      };
      field.addEventListener("input", look);
      field.addEventListener("focus", look, { once: true });
    }
    for (const button of document.querySelectorAll("button[data-add]")) {
      const lines = document.getElementById(button.dataset.add);
      const field = document.getElementById(`${button.dataset.add}-add`);
      const add = () => {
        const one = field.value.trim();
        if (one === "") return;
        const there = lines.value.split("\n").map((line) => line.trim()).filter(Boolean);
        document.getElementById("heard").textContent = there.includes(one) ? `${one} is there already` : `${one} is added`;
        if (!there.includes(one)) lines.value = [...there, one].join("\n");
        field.value = "";
        field.focus();
      };
      button.addEventListener("click", add);
      field.addEventListener("keydown", (event) => {
        if (event.key !== "Enter") return;
        event.preventDefault();
        add();
      });
      button.closest(".adds").hidden = false;
    }
  };

  const heading = (id) => document.getElementById(id)?.querySelector("h1")?.innerText ?? "";

  const lives = () => {
    for (const region of document.querySelectorAll("[data-live]")) {
      const ids = [region.id, ...(region.dataset.with || "").split(" ").filter(Boolean)];
      let waiting = 0;
      let stream = null;
      const told = () => {
        if (waiting) return;
        waiting = window.setTimeout(async () => {
          waiting = 0;
          const before = heading(region.id);
          if (!document.hidden) await renew(window.location.href, ids);
          // Whoever hears the page is told how it stands now, and not each of its numbers.
          const after = heading(region.id);
          if (after !== before) document.getElementById("heard").textContent = after;
          const now = document.getElementById(region.id);
          if (!now?.dataset.live) stream?.close();
        }, RENEW_AFTER);
      };
      const listen = () => {
        if (document.hidden || !document.getElementById(region.id)?.dataset.live) {
          stream?.close();
          stream = null;
          return;
        }
        stream?.close();
        stream = new EventSource(region.dataset.live);
        for (const event of ["import_run", "progress", "job"]) stream.addEventListener(event, told);
        // A stream ends with what it is about, or with its server: it is looked at once more, and listened to anew if there is
        // still something to hear.
        stream.addEventListener("error", () => {
          stream?.close();
          told();
          window.setTimeout(listen, LISTEN_AGAIN_AFTER);
        });
      };
      document.addEventListener("visibilitychange", listen);
      listen();
    }
  };

  // What is sent twice is asked for twice, and the first answer is lost with all that stands in it.
  const sends = () => {
    const buttons = (form) => [...form.elements].filter((one) => one.type === "submit");
    const free = (form) => {
      delete form.dataset.sent;
      form.removeAttribute("aria-busy");
      for (const button of buttons(form)) button.disabled = false;
    };
    document.addEventListener("submit", (event) => {
      const form = event.target;
      if (event.defaultPrevented || form.getAttribute("method") !== "post") return;
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      form.dataset.sent = "true";
      form.setAttribute("aria-busy", "true");
      // Only once it is on its way: what a disabled button stands for is not sent.
      window.setTimeout(() => { for (const button of buttons(form)) button.disabled = true; }, 0);
      window.setTimeout(() => free(form), SEND_AGAIN_AFTER);
    });
    // A page that is gone back to is as it was left.
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) for (const form of document.querySelectorAll("form[data-sent]")) free(form);
    });
  };

  // What was typed is kept while it is sent, but for what is secret or has to be typed each time; where the session had ended,
  // it stands in the form once more after the sign-in.
  const KEPT = "keyreeve-sent";
  const keeps = () => {
    const fields = (form) => [...form.elements].filter((one) => one.name && one.name !== "confirm"
      && !["hidden", "password", "submit", "button"].includes(one.type));
    const forms = () => [...document.querySelectorAll("main form[method=post]")];
    const page = () => {
      const here = new URL(window.location.href);
      here.searchParams.delete("said");
      return here.pathname + here.search;
    };
    let kept = null;
    try {
      kept = JSON.parse(window.sessionStorage.getItem(KEPT));
      // The sign-in lies between.
      if (page().split("?")[0] !== "/sign-in") window.sessionStorage.removeItem(KEPT);
    } catch {
      return;
    }
    const not_done = new URL(window.location.href).searchParams.get("said") === "not_done" && document.getElementById("said");
    const form = kept && not_done && kept.page === page()
      && forms().find((one) => one.getAttribute("action") === kept.action);
    for (const one of form ? fields(form) : []) {
      const value = kept.fields[one.name];
      if (value === undefined) continue;
      if (one.type === "checkbox" || one.type === "radio") one.checked = value.includes(one.value);
      else [one.value] = value;
    }
    document.addEventListener("submit", (event) => {
      const form = event.target;
      if (!forms().includes(form) || page().split("?")[0] === "/sign-in") return;
      const typed = {};
      for (const one of fields(form)) {
        const is_choice = one.type === "checkbox" || one.type === "radio";
        const values = typed[one.name] ?? [];
        if (!is_choice || one.checked) values.push(one.value);
        typed[one.name] = values;
      }
      const sent = { page: page(), action: form.getAttribute("action"), fields: typed };
      try {
        window.sessionStorage.setItem(KEPT, JSON.stringify(sent));
      } catch {
        // Without a place for it, it is typed once more.
      }
    });
  };

  // Times that are typed are of the viewer's zone, and the field beside them says so.
  const zones = () => {
    const field = document.getElementById("filter-zone");
    const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!field || !own) return;
    field.form.addEventListener("input", (event) => {
      const of_time = ["since", "until"].includes(event.target.name);
      if (of_time && event.target.value !== "" && field.value === "") field.value = own;
    });
  };

  // Light or dark without leaving the page, so that nothing that was typed is lost.
  const themes = () => {
    const form = document.querySelector("form.theme");
    form?.addEventListener("submit", async (event) => {
      const chosen = event.submitter?.value;
      if (!chosen) return;
      event.preventDefault();
      const body = new URLSearchParams(new FormData(form, event.submitter));
      try {
        const answer = await fetch(form.action, { method: "POST", body, redirect: "manual", credentials: "same-origin" });
        if (answer.type !== "opaqueredirect") return;
      } catch {
        return;
      }
      document.documentElement.dataset.theme = chosen;
      for (const button of form.querySelectorAll("button")) {
        button.setAttribute("aria-pressed", String(button.value === chosen));
      }
    });
  };

  // The focus goes to what is to be seen to: the first field that is wrong, else what was refused, else what was done.
  const focuses = () => {
    const first = ["main [aria-invalid=true]", "main [role=alert]", "#said"].map((one) => document.querySelector(one));
    const seen = first.find(Boolean);
    if (!seen || document.querySelector("[autofocus]")) return;
    if (!seen.matches("input, select, textarea")) seen.tabIndex = -1;
    seen.focus();
  };

  keeps();
  themes();
  zones();
  // What was done is said once.
  const address = new URL(window.location.href);
  if (address.searchParams.has("said")) {
    address.searchParams.delete("said");
    window.history.replaceState(null, "", address);
  }
  // Whoever comes back to the answer to a form, or loads it anew, is not asked to send the form once more.
  if (document.querySelector("[data-sent]")) window.history.replaceState(null, "", window.location.href);
  prepared(document);
  focuses();
  sends();
  searches();
  proposes();
  lives();
})();

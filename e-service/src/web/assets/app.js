// Looks every second whether what is under way is over, and renews the picture.
"use strict";
const flow = document.getElementById("flow");
const picture = document.getElementById("qr");

async function look() {
    try {
        const answer = await fetch("/state");
        if ((await answer.json()).flow !== flow.dataset.flow) {
            location.replace("/");
            return;
        }
    } catch {
        // The network is away: the next second may bring it back.
    }
    if (picture && !picture.hidden) {
        picture.src = "/qr.svg?" + Date.now();
    }
    setTimeout(look, 1000);
}

if (picture) {
    picture.addEventListener("error", () => {
        picture.hidden = true;
        document.getElementById("qr-over").hidden = false;
    });
}
if (flow) {
    setTimeout(look, 1000);
}
